// The keys that are not equal, as they are found: all are counted, and the first of each class are kept.

import { compareUtf8 } from "../../core/key.ts";
import { FINDING_CLASSES, type FindingClass } from "./classify-key.ts";
import { type Finding, isFault, type ProofVerdict } from "./proof.ts";

export interface Findings {
  add(finding: Finding): void;
  counts(): Readonly<Record<FindingClass, number>>;
  /** In order of class and key. */
  kept(): readonly Finding[];
}

/** What a person could look through, and what a ticket takes. */
export const FINDINGS_PER_CLASS_MAX = 1000;

export function openFindings(): Findings {
  const byClass = new Map(FINDING_CLASSES.map((name) => [name, { count: 0, kept: [] as Finding[] }]));
  return {
    add(finding) {
      const found = byClass.get(finding.class)!;
      found.count++;
      if (found.kept.length < FINDINGS_PER_CLASS_MAX) found.kept.push(finding);
    },
    counts: () =>
      Object.fromEntries([...byClass].map(([name, { count }]) => [name, count])) as Record<FindingClass, number>,
    kept: () => [...byClass.values()].flatMap(({ kept }) => kept.toSorted((a, b) => compareUtf8(a.key, b.key))),
  };
}

export function verdictOf(counts: Readonly<Record<FindingClass, number>>, mayHoldMore: boolean): ProofVerdict {
  if (FINDING_CLASSES.some((name) => counts[name] > 0 && isFault(name, mayHoldMore))) return "different";
  if (counts.unreadable > 0) return "incomplete";
  return counts["changed-since"] > 0 ? "changed-since" : "equal";
}
