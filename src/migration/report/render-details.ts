// The facts of a migration that a report ends with: who, when, which keys, and at what cost.

import { renderDuration } from "../../core/units.ts";
import type { RequestCounts } from "../../kv/kv-api.ts";
import { renderMoment } from "./describe-finding.ts";
import { code, plain, table } from "./markdown.ts";
import type { CopiedCounts, MigrationReport } from "./migration-report.ts";
import { counted, number } from "./numbers.ts";

export function renderDetails(report: MigrationReport): string {
  const { source, destination, requests, rename, filter, cost, runs, by, command, startedAt, finishedAt } = report;
  const ofLastRun = runs > 1 ? ", in the last run" : "";
  const duration = renderDuration(Date.parse(finishedAt) - Date.parse(startedAt));
  const rows: (readonly [string, string])[] = [
    ["Program", plain(by)],
    ["Source", renderAccount(source)],
    ["Destination", renderAccount(destination)],
    [
      "Began, ended",
      `${renderMoment(startedAt)}, ${renderMoment(finishedAt)} (${duration}${runs > 1 ? `; run ${number(runs)} times, each time going on where the last one ended` : ""})`,
    ],
    ...renderCopied(report),
    ["Which keys", renderFilter(filter)],
    ["Keys renamed", rename.length === 0 ? "no" : rename.map((rule) => code(rule)).join(", ")],
    [`Requests to the source${ofLastRun}`, renderRequests(requests.source)],
    [`Requests to the destination${ofLastRun}`, renderRequests(requests.destination)],
    ...(cost === null
      ? []
      : [
          [
            "Price of these operations",
            `about $${cost.toFixed(cost < 0.1 ? 4 : 2)} on a paid plan, beyond what it includes a month${runs > 1 ? "; what earlier runs read is not counted" : ""}`,
          ] as const,
        ]),
    [
      "Exit code of the command",
      `${report.exitCode}${report.exitCode === 0 ? "" : " (0 would be: everything is equal)"}`,
    ],
  ];
  const again = `To compare both sides again at any time, have the JSON file beside this report, and type ${code("kvsync migrate verify REPORT.json")}, with the name of that file.`;
  const contents = "This report names keys, and shows the metadata of keys that differ. It contains no values.";
  return ["## Details", table([command === "migrate" ? "Migration" : "Comparison", ""], rows), again, contents].join(
    "\n\n",
  );
}

/** Of all namespaces. */
function renderCopied({ namespaces, runs }: MigrationReport): readonly (readonly [string, string])[] {
  const copies = namespaces.flatMap(({ copied }) => (copied === null ? [] : [copied]));
  if (copies.length === 0) return [];
  const sum = (of: keyof CopiedCounts): string => number(copies.reduce((total, copied) => total + copied[of], 0));
  const done = `${sum("written")} keys written, ${sum("removed")} removed, ${sum("unchanged")} equal already, ${sum("failed")} failed`;
  return [[runs > 1 ? "Copy, in all runs" : "Copy", done]];
}

function renderAccount({ account, accountId, api }: MigrationReport["source"]): string {
  return `${code(account)}, account id ${code(accountId)}, at ${plain(api)}`;
}

function renderRequests(counts: RequestCounts): string {
  const { total, retries } = counts;
  const repeated = retries === 0 ? "" : `, of which ${number(retries)} were repeated after a failure`;
  return `${counted(total, "request")}${repeated} (${renderOperations(counts)})`;
}

function renderOperations(counts: RequestCounts): string {
  const names = {
    list: ["listing", "listings"],
    bulkGet: ["bulk read", "bulk reads"],
    read: ["single read", "single reads"],
    bulkWrite: ["bulk write", "bulk writes"],
    write: ["single write", "single writes"],
    bulkDelete: ["bulk deletion", "bulk deletions"],
    delete: ["single deletion", "single deletions"],
    metadata: ["read of metadata", "reads of metadata"],
    namespace: ["request about namespaces", "requests about namespaces"],
  } as const;
  const operations = (Object.keys(names) as (keyof typeof names)[]).filter((name) => counts[name] > 0);
  return (
    operations.map((name) => `${number(counts[name])} ${names[name][counts[name] === 1 ? 0 : 1]}`).join(", ") || "none"
  );
}

function renderFilter({ prefix, include, exclude }: MigrationReport["filter"]): string {
  const parts = [
    ...(prefix === "" ? [] : [`those that begin with ${code(prefix)}`]),
    ...renderPatterns("those that match", include),
    ...renderPatterns("none that match", exclude),
  ];
  return parts.length === 0 ? "all" : parts.join("; ");
}

function renderPatterns(what: string, patterns: readonly string[]): readonly string[] {
  return patterns.length === 0 ? [] : [`${what} ${patterns.map(code).join(", ")}`];
}
