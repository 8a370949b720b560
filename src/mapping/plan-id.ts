// The id of a plan: what a person approves is this and nothing else. Two plans for one place with the same actions on
// the same keys, of the same versions written and replaced or removed, have one id.

import { createHash } from "node:crypto";
import type { Entry } from "../core/entry.ts";
import type { Plan } from "../engine/plan/plan.ts";

/** `place`: what names both sides for good, a text without line breaks. The same keys of another namespace are another plan.
 *
 * 10 hexadecimal digits: enough to tell plans of one mapping apart, and short enough to type. */
export function planIdOf(plan: Plan, place: string): string {
  const hash = createHash("sha256").update(`${place}\n`);
  for (const list of LISTS) {
    for (const page of plan.pages(list)) {
      for (const action of page) {
        const versions = [action.kind === "write" ? action.from : undefined, action.replaces].map(versionFields);
        hash.update(`${JSON.stringify([list, action.key, ...versions])}\n`);
      }
    }
  }
  return hash.digest("hex").slice(0, 10);
}

const LISTS = ["write:source", "write:destination", "remove:source", "remove:destination"] as const;

/** A file that was not read is told by its signature. */
function versionFields(entry: Entry | undefined): readonly unknown[] | null {
  if (entry === undefined) return null;
  const { fingerprint, signature, metadata, expiration, ttlSeconds } = entry;
  const value = fingerprint ?? (signature && [signature.size, signature.mtimeMs, signature.ctimeMs, signature.inode]);
  return [value ?? null, metadata ?? null, expiration ?? null, ttlSeconds ?? null];
}
