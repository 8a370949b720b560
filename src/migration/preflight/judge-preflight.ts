// What stands in the way of a migration, from what was seen before the first write. Pure: the table of its test is the specification.
//
// "stops": it cannot be done so. "asks": it can, and a person has to say that it is meant: `--accept CODE`. "note": good to know.

import { count } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import type { SeenListing } from "./seen-listing.ts";
import { INSTANT, INSTANT_BYTES_MAX, INSTANT_KEY_BYTES_MAX, INSTANT_KEYS_MAX } from "./instant.ts";

type FindingCode =
  | "read-only"
  | "same-namespace"
  | "overwrite"
  | "extra-keys"
  | "instant"
  | "bad-keys"
  | "jurisdiction"
  | "free-plan";

export interface Finding {
  readonly code: FindingCode;
  readonly severity: "stops" | "asks" | "note";
  /** The title at the source; null: it is about all. */
  readonly namespace: string | null;
  readonly message: string;
  readonly hint?: string;
}

export interface PlannedFacts {
  /** The title at the source. */
  readonly title: string;
  readonly source: KindFacts;
  /** Undefined: it is to be created, as the source is. */
  readonly destination: KindFacts | undefined;
  readonly isSame: boolean;
  /** `prod:app-config` */
  readonly destinationLabel: string;
  readonly seen: { readonly source: SeenListing; readonly destination: SeenListing };
  /** Keys that both have, with different content. */
  readonly others: number;
  /** Keys that only the destination has. */
  readonly extra: number;
  readonly writes: number;
  /** Keys that cannot be carried, and why the first of them cannot. */
  readonly badKeys: number;
  readonly badKey: string | undefined;
}

interface KindFacts {
  readonly jurisdiction?: string | undefined;
  readonly mode?: string | undefined;
}

export interface PreflightFacts {
  readonly mayWrite: boolean;
  /** The destination account, as the config calls it. */
  readonly destinationAccount: string;
  readonly namespaces: readonly PlannedFacts[];
  /** What the Free plan allows a day, in days. */
  readonly freePlanDays: number;
}

export function judgePreflight(facts: PreflightFacts): readonly Finding[] {
  const { mayWrite, destinationAccount, namespaces, freePlanDays } = facts;
  const findings: Finding[] = [];
  if (!mayWrite) {
    findings.push({
      code: "read-only",
      severity: "stops",
      namespace: null,
      message: `the token of account "${visible(destinationAccount)}" may only read`,
      hint: "give it the permission Workers KV Storage: Edit",
    });
  }
  for (const one of namespaces) findings.push(...judgeNamespace(one));
  if (freePlanDays > 1) {
    findings.push({
      code: "free-plan",
      severity: "note",
      namespace: null,
      message: `on the Free plan this takes ${count(freePlanDays)} days: it allows 1,000 writes, 1,000 lists and 100,000 reads a day`,
      hint: "on a paid plan there is no such limit; on the Free plan type the command again each day, it goes on where it stopped",
    });
  }
  return findings;
}

/** Whether something keeps the migration from going on. */
export function isStopped(findings: readonly Finding[], accepted: readonly string[]): boolean {
  return findings.some(
    ({ code, severity }) => severity === "stops" || (severity === "asks" && !accepted.includes(code)),
  );
}

function judgeNamespace(one: PlannedFacts): readonly Finding[] {
  const { title, isSame, destinationLabel: label, others, extra, badKeys, badKey } = one;
  if (isSame) {
    const message = `${visible(label)} is the source and the destination`;
    return [{ code: "same-namespace", severity: "stops", namespace: title, message, hint: "name another destination" }];
  }
  const findings = [...judgeKind(one)];
  if (badKeys > 0) {
    findings.push({
      code: "bad-keys",
      severity: "stops",
      namespace: title,
      message: `${count(badKeys)} ${badKeys === 1 ? "key" : "keys"} of "${visible(title)}" cannot be carried; the first: ${visible(badKey ?? "")}`,
      hint: "rename them apart with other --rename, or leave them out with --exclude",
    });
  }
  if (others > 0) {
    findings.push({
      code: "overwrite",
      severity: "asks",
      namespace: title,
      message: `${visible(label)} exists and holds other content: ${count(others)} ${others === 1 ? "key has" : "keys have"} another value, metadata or expiration than the source, and would be overwritten`,
      hint: "all of it is kept in an archive first, for kvsync migrate undo; to go on, add --accept overwrite",
    });
  }
  if (extra > 0) {
    findings.push({
      code: "extra-keys",
      severity: "note",
      namespace: title,
      message: `${visible(label)} holds ${count(extra)} ${extra === 1 ? "key" : "keys"} that the source has not: ${extra === 1 ? "it stays" : "they stay"}`,
    });
  }
  return findings;
}

function judgeKind({ title, source, destination, destinationLabel: label, seen }: PlannedFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const kind = destination ?? source;
  if (destination !== undefined && destination.jurisdiction !== source.jurisdiction) {
    const where = (one: KindFacts): string =>
      one.jurisdiction === undefined ? "no jurisdiction" : `the jurisdiction ${one.jurisdiction}`;
    findings.push({
      code: "jurisdiction",
      severity: "asks",
      namespace: title,
      message: `the source "${visible(title)}" has ${where(source)}, and ${visible(label)} has ${where(destination)}: a namespace keeps the one that it was created with`,
      hint: "name a destination that does not exist yet: it is created like the source; if it is meant so, add --accept jurisdiction",
    });
  }
  if (kind.mode !== INSTANT) return findings;
  const { keys, withMetadata, longKeys, bytes } = seen.source;
  const faults = [
    ...(withMetadata > 0 ? [`${count(withMetadata)} keys have metadata, which it has no place for`] : []),
    ...(longKeys > 0 ? [`${count(longKeys)} keys have more than ${INSTANT_KEY_BYTES_MAX} bytes`] : []),
    ...(keys > INSTANT_KEYS_MAX ? [`it takes ${count(INSTANT_KEYS_MAX)} keys, and the source has ${count(keys)}`] : []),
    ...(bytes > INSTANT_BYTES_MAX ? [`it takes 1 MB, and the source has ${count(bytes)} bytes or more`] : []),
  ];
  findings.push(
    faults.length > 0
      ? {
          code: "instant",
          severity: "stops",
          namespace: title,
          message: `${visible(label)} is a KV Instant namespace, which cannot hold this: ${faults.join("; ")}`,
          hint: "name a destination that is a usual namespace",
        }
      : {
          code: "instant",
          severity: "note",
          namespace: title,
          message: `${visible(label)} is a KV Instant namespace: it has no metadata, so kvsync cannot mark values there, and reads all of them to compare; it takes one write a second`,
        },
  );
  return findings;
}
