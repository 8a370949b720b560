// What a proof says of one key that its listings did not show as equal. Pure: both sides were read, and what was copied is known or not.
//
// Both sides have been looked at directly, a settle window after the listing and after the last write of the copy. So what the
// destination shows is what it holds, and what the source shows is at least as new as what was copied from it. If the
// destination holds what was copied and the source something else, the source was written since, and the copy is not to blame.

import type { EpochSeconds } from "../../core/clock.ts";
import { sameAttributes } from "../../core/entry.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../../core/limits.ts";
import { type Aspect, differencesOf, type Held } from "./held.ts";

/** What is told of keys that are not equal, in the order of a report. */
export const FINDING_CLASSES = [
  "missing", // the source holds it, the destination does not
  "value", // both hold it, with different values
  "metadata", // the same value, with different metadata
  "expiration", // the same value and metadata, with another expiration
  "extra", // the destination holds it, the source does not
  "unreadable", // one side could not be read, so nothing is known
  "changed-since", // the source was written after the key was copied
  "expired", // its time to live ended in between
  "excluded", // it was left out on purpose
] as const;
export type FindingClass = (typeof FINDING_CLASSES)[number];

/** A key as both sides hold it now. Undefined: absent. */
export interface LookedKey {
  readonly source: Held | undefined;
  readonly destination: Held | undefined;
  /** What the copy left at both sides; undefined: it copied no such key, or nothing is known of a copy. */
  readonly copied: Held | undefined;
  /** What the proof's own listings showed; undefined: nothing, or no value. */
  readonly listed: { readonly source: Held | undefined; readonly destination: Held | undefined };
  /** Whether the source's listing showed the key at all. */
  readonly wasListed: boolean;
  /** The last round of the copy listed the source to its end, and said nothing of this key that it could not copy. */
  readonly isCopyComplete: boolean;
  readonly now: EpochSeconds;
}

export type KeyVerdict =
  | { readonly kind: "equal" }
  /** Absent at both sides, and not for its expiration. */
  | { readonly kind: "gone" }
  | {
      readonly kind: "finding";
      readonly class: FindingClass;
      readonly differs: readonly Aspect[];
      /** Who has changed the key since it was copied, where that is known. */
      readonly changedAt: "source" | "destination" | "both" | undefined;
    };

export function classifyKey(looked: LookedKey): KeyVerdict {
  const { source, destination } = looked;
  if (source !== undefined && destination !== undefined) {
    const differs = differencesOf(source, destination);
    return differs.length === 0 ? { kind: "equal" } : judge(looked, differs[0]!, differs);
  }
  const before = looked.copied ?? looked.listed.source ?? looked.listed.destination;
  const one = source ?? destination;
  if (one === undefined) return isOver(before, looked.now) ? finding("expired") : { kind: "gone" };
  return expiredOnOneSide(looked, one) ?? judge(looked, source === undefined ? "extra" : "missing", []);
}

/** The key is absent at one side, and the other side holds `one`. Undefined: no expiration explains that. */
function expiredOnOneSide(looked: LookedKey, one: Held): KeyVerdict | undefined {
  const { source, copied, listed, now } = looked;
  if (isOver(one, now)) return finding("expired");
  // What was there before it expired was not what the other side holds: then that is the difference.
  const before = copied ?? (source === undefined ? listed.source : listed.destination);
  if (before === undefined || !isOver(before, now)) return undefined;
  const differs = differencesOf(before, one);
  return differs.length === 0 ? finding("expired") : judge(looked, differs[0]!, differs);
}

function judge(looked: LookedKey, as: FindingClass, differs: readonly Aspect[]): KeyVerdict {
  const changedAt = whoChanged(looked);
  if (changedAt === "source") return { kind: "finding", class: "changed-since", differs, changedAt };
  return { kind: "finding", class: as, differs, changedAt };
}

function whoChanged(looked: LookedKey): "source" | "destination" | "both" | undefined {
  const { source, destination, copied, listed, wasListed, isCopyComplete } = looked;
  if (copied !== undefined) {
    const [atSource, atDestination] = [!isSame(source, copied), !isSame(destination, copied)];
    if (atSource && atDestination) return "both";
    // Where only the seconds differ that a round lets pass, nobody has changed anything.
    return atSource ? "source" : atDestination ? "destination" : undefined;
  }
  // The copy would have taken it along, had it been there.
  if (isCopyComplete) return destination === undefined ? "source" : undefined;
  // Nothing is known of a copy, but the source has moved on from what the destination holds while it was looked at.
  if (wasListed && listed.source === undefined) return undefined;
  const hasMoved = !isSame(source, listed.source);
  return hasMoved && isExactly(destination, listed.source) ? "source" : undefined;
}

/** As a round compares two versions: an expiration may be rounded on its way. */
function isSame(a: Held | undefined, b: Held | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.fingerprint === b.fingerprint && sameAttributes(a, b);
}

function isExactly(a: Held | undefined, b: Held | undefined): boolean {
  return a === undefined || b === undefined ? a === b : differencesOf(a, b).length === 0;
}

/** It has expired, or is so close to it that KV takes no write of it. */
function isOver(held: Held | undefined, now: EpochSeconds): boolean {
  return held?.expiration !== undefined && held.expiration <= now + EXPIRATION_AHEAD_SECONDS_MIN;
}

function finding(as: FindingClass): KeyVerdict {
  return { kind: "finding", class: as, differs: [], changedAt: undefined };
}
