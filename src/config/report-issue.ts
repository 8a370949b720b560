// What valibot finds wrong, in the words of kvsync: which key, and what was meant.

import type * as v from "valibot";
import { closestName } from "./closest-name.ts";
import type { FaultPath } from "./config-fault.ts";
import type { Report } from "./resolve-account.ts";

export function reportIssue(issue: v.BaseIssue<unknown>, report: Report): void {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const last = issue.path?.at(-1);
  const name = path.at(-1);
  if (issue.type === "never") {
    const known = issue.message.split(" ");
    const meant = closestName(String(name), known);
    report(
      path,
      `unknown key "${name}"; ${meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`}`,
      "key",
    );
  } else if (issue.kind === "schema" && last?.origin === "key" && issue.expected === `"${name}"`) {
    report(path.slice(0, -1), `${name} is missing`, "key");
  } else if (last?.origin === "key") {
    report(path, `"${name}" ${issue.message}`, "key");
  } else {
    report(path, name === undefined ? `the file ${issue.message}` : `${labelOf(path)} ${issue.message}`);
  }
}

/** What stands at `path`, for a message: its key, or which item of which list. */
function labelOf(path: FaultPath): string {
  const last = path.at(-1);
  return typeof last === "number" ? `${path.at(-2)} ${last + 1}` : String(last);
}
