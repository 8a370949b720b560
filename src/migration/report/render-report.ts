// The report of a migration as Markdown, made to be attached to a change ticket and read by somebody who knows nothing of kvsync: what was
// moved, what was not, and why to trust that. All of it comes from the report's JSON.

import { renderByteCount } from "../../core/units.ts";
import { FINDING_CLASSES, type FindingClass } from "../proof/classify-key.ts";
import { type Finding, isFault } from "../proof/proof.ts";
import { CLASS_ADVICE, CLASS_WORDS, EXTRA_WAS_EXPECTED } from "./class-words.ts";
import { describeFinding, renderMoment } from "./describe-finding.ts";
import { code, plain, table } from "./markdown.ts";
import type { MigrationReport, ReportedNamespace } from "./migration-report.ts";
import { renderDetails } from "./render-details.ts";
import { renderTrust } from "./render-trust.ts";
import { counted, number } from "./numbers.ts";

export function renderReport(report: MigrationReport): string {
  const parts = [
    `# Migration report: ${plain(report.name)}`,
    renderVerdict(report),
    renderIntroduction(report),
    "## What was moved",
    renderNamespaces(report),
    renderCounts(report),
    ...FINDING_CLASSES.flatMap((as) => renderClass(report, as)),
    renderTrust(report),
    renderDetails(report),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function renderVerdict(report: MigrationReport): string {
  return `**${VERDICTS[report.verdict](report)}**`;
}

/** The verdict as a sentence or two, for a report and a terminal. */
export function verdictSentence(report: MigrationReport): string {
  return VERDICTS[report.verdict](report);
}

const VERDICTS: Readonly<Record<MigrationReport["verdict"], (report: MigrationReport) => string>> = {
  equal: ({ totals }) =>
    `Everything that was to be moved is at the destination: ${counted(totals.counts.equal, "key")} of ${number(totals.keys.source)} ${totals.counts.equal === 1 ? "is" : "are"} equal at both sides${expiredWords(totals)}.`,
  "changed-since": ({ totals: { counts } }) =>
    `The destination holds what the source held, but for ${counted(counts["changed-since"], "key")} that ${counts["changed-since"] === 1 ? "was" : "were"} written at the source after the copy. All the others, ${number(counts.equal)}, are equal at both sides.`,
  incomplete: (report) => `The migration is not proven to be complete: ${lacks(report).join(", and ")}.`,
  different: (report) =>
    `The destination does not hold exactly what the source holds: ${faults(report).join(", ")}. ${number(report.totals.counts.equal)} of ${counted(report.totals.keys.source, "key")} are equal.`,
};

function expiredWords({ counts: { expired } }: MigrationReport["totals"]): string {
  return expired === 0 ? "" : `; ${counted(expired, "key")} expired meanwhile`;
}

function lacks({ namespaces, totals: { counts } }: MigrationReport): readonly string[] {
  const open = namespaces.filter(({ proof, failure }) => proof === null || failure !== null).length;
  return [
    ...(open > 0
      ? [`${counted(open, "namespace")} ${open === 1 ? "was" : "were"} not copied or compared to the end`]
      : []),
    ...(counts.unreadable > 0 ? [`${counted(counts.unreadable, "key")} could not be read`] : []),
  ];
}

function faults({ namespaces }: MigrationReport): readonly string[] {
  const words: Readonly<Partial<Record<FindingClass, string>>> = {
    missing: "missing",
    value: "with a different value",
    metadata: "with different metadata",
    expiration: "with a different expiration",
    extra: "only at the destination",
  };
  return FINDING_CLASSES.flatMap((as) => {
    const count = countFaults(namespaces, as);
    return count === 0 ? [] : [`${counted(count, "key")} ${words[as]}`];
  });
}

function countFaults(namespaces: readonly ReportedNamespace[], as: FindingClass): number {
  return namespaces.reduce(
    (sum, { proof }) => (proof !== null && isFault(as, proof.mayHoldMore) ? sum + proof.counts[as] : sum),
    0,
  );
}

function renderIntroduction(report: MigrationReport): string {
  const { command, namespaces, source, destination, by, startedAt, finishedAt } = report;
  const what = `${namespaces.length === 1 ? "a Workers KV namespace" : `${number(namespaces.length)} Workers KV namespaces`} of Cloudflare`;
  const from = `the account ${code(source.account)} (the source)`;
  const to = `the account ${code(destination.account)} (the destination)`;
  const did =
    command === "migrate"
      ? `The program ${plain(by)} copied ${what} from ${from} to ${to}, and then compared both sides key by key. It changed nothing at the source.`
      : `The program ${plain(by)} compared ${what} in ${from} with ${namespaces.length === 1 ? "its copy" : "their copies"} in ${to} once more, from an earlier report. It copied nothing.`;
  const when = `It began at ${renderMoment(startedAt)} and ended at ${renderMoment(finishedAt)}. This report tells what both sides held then; it says nothing of what programs have written since.`;
  const how =
    "A namespace holds keys. Each key has a value, and it may have metadata (a few words about it) and an expiration (when Workers KV removes it). A key is called equal if all of these are the same at both sides.";
  return `${did} ${when}\n\n${how}`;
}

function renderNamespaces({ namespaces, command }: MigrationReport): string {
  const rows = namespaces.map((namespace) => {
    const { source, destination, proof } = namespace;
    const title =
      source.title === destination.title ? code(source.title) : `${code(source.title)} → ${code(destination.title)}`;
    return [
      title,
      code(source.id),
      destination.id === "" ? "none" : code(destination.id),
      ...(command === "migrate" ? [beforeOf(namespace)] : []),
      proof === null ? "?" : number(proof.keys.source),
      proof === null ? "?" : `${number(proof.counts.equal)} (${renderByteCount(proof.bytes)})`,
      resultOf(namespace),
    ];
  });
  const before = command === "migrate" ? ["Destination before"] : [];
  return table(
    [
      "Namespace",
      "Id at the source",
      "Id at the destination",
      ...before,
      "Keys at the source",
      "Equal at both sides",
      "Result",
    ],
    rows,
  );
}

function beforeOf({ destination, isNew, keysBefore }: ReportedNamespace): string {
  if (destination.id === "") return "not looked at";
  if (isNew) return "created by this migration";
  return keysBefore > 0 ? `held ${counted(keysBefore, "key")}, which are kept in an archive` : "empty";
}

function resultOf({ proof, failure }: ReportedNamespace): string {
  if (failure !== null) return `not finished: ${plain(failure)}`;
  if (proof === null) return "not compared";
  const results = {
    equal: "equal",
    "changed-since": "equal, but for later writes",
    incomplete: "not proven",
    different: "**different**",
  };
  return results[proof.verdict];
}

function renderCounts({ totals: { counts } }: MigrationReport): string {
  const rows = FINDING_CLASSES.map((as) => [CLASS_WORDS[as].row, number(counts[as])]);
  return table(["All keys", "Number"], [["Equal at both sides", number(counts.equal)], ...rows]);
}

/** Of these nobody has to look through all. */
const SHORT_LIST: ReadonlySet<FindingClass> = new Set(["expired", "excluded"]);
const SHORT_LIST_MAX = 20;

function renderClass(report: MigrationReport, as: FindingClass): readonly string[] {
  const count = report.totals.counts[as];
  if (count === 0) return [];
  const { title, meaning } = CLASS_WORDS[as];
  const isExpected = as === "extra" && countFaults(report.namespaces, as) === 0;
  const advice = isExpected ? EXTRA_WAS_EXPECTED : CLASS_ADVICE[as];
  const max = SHORT_LIST.has(as) || isExpected ? SHORT_LIST_MAX : Infinity;
  const lists = report.namespaces.flatMap((namespace) => renderKeys(report, namespace, as, max));
  return [`## ${title}: ${counted(count, "key")}`, advice === undefined ? meaning : `${meaning} ${advice}`, ...lists];
}

function renderKeys(
  report: MigrationReport,
  namespace: ReportedNamespace,
  as: FindingClass,
  max: number,
): readonly string[] {
  const { namespaces } = report;
  const { proof, source } = namespace;
  if (proof === null || proof.counts[as] === 0) return [];
  const findings = proof.findings.filter((finding) => finding.class === as).slice(0, max);
  const lines = findings.map((finding) => `- ${renderLine(finding)}`);
  const left = proof.counts[as] - findings.length;
  if (left > 0)
    lines.push(
      `- and ${counted(left, "key")} more${max === Infinity ? "" : "; the JSON file beside this report names up to a thousand"}`,
    );
  const command = REPLACEABLE.has(as) ? copyCommand(report, namespace) : undefined;
  return [
    ...(namespaces.length > 1 ? [`In ${code(source.title)}:`] : []),
    lines.join("\n"),
    ...(command === undefined
      ? []
      : [
          `To give the destination what the source holds of all these keys, whoever changed them: ${code(command)}. For one key, add ${code("--include /KEY")}.`,
        ]),
  ];
}

/** What a migration leaves as it is at the destination, and a copy does not. */
const REPLACEABLE: ReadonlySet<FindingClass> = new Set(["missing", "value", "metadata"]);

/** Undefined: a copy knows nothing of other names, or of which keys were meant. */
function copyCommand(
  { rename, filter: { prefix, include, exclude }, source, destination }: MigrationReport,
  namespace: ReportedNamespace,
): string | undefined {
  if (rename.length > 0 || prefix !== "" || include.length + exclude.length > 0) return undefined;
  return `kvsync copy ${source.account}:${namespace.source.id} ${destination.account}:${namespace.destination.id}`;
}

function renderLine(finding: Finding): string {
  return `${code(finding.key)}: ${describeFinding(finding, code)}`;
}
