// The decision table of push, pull and copy: what is to be done about one key, given what the source, the destination and the
// base say of it. Pure, and the only place where that is decided [I5]. test/unit/core/reconcile.test.ts is the same table as
// data.
//
//   source    destination   base       push and pull
//   --------  ------------  ---------  -----------------------------------------------------------------
//   present   absent        any        write; but not what has expired
//   present   same          same       nothing
//   present   same          other      record it as base (first contact, or recovery after a crash)
//   present   different     any        write, unless `onlyMissing`; save first what would be lost
//   absent    present       present    remove, unless `delete: none`; save first what would be lost
//   absent    present       none       remove with `delete: all` only: nothing says it is ours
//   absent    absent        present    forget the base
//
// With `keepForeign`, what somebody else did to the destination since both sides agreed is left alone:
//
//   any       not as base   present    nothing, unless the source is the same
//   present   different     none       nothing, with `keepForeign: all`, or where `mayReplace` says no
//   present   absent        present    nothing, with `keepGone`, as long as the source is as the base says
//
// What would be lost: a destination that is not what the base says, since nobody else has it; and, as the policy says, what
// is removed, which is the last copy; and every file, since keeping a copy of a file costs no request.

import type { EpochSeconds } from "./clock.ts";
import { compareVersions, expiresTooSoon, isRecorded } from "./compare.ts";
import type { BaseRow, Entry } from "./entry.ts";

export type DeletePolicy = "owned" | "all" | "none";

/** What is kept in the trash before it goes from the destination. "foreign": only what the base does not know, since somebody
 * else wrote it. "removed": also what is removed, since its source is gone as well. "all": also what is replaced. */
type SavePolicy = "foreign" | "removed" | "all";

export interface OneWayPolicy {
  readonly delete: DeletePolicy;
  readonly save: SavePolicy;
  readonly now: EpochSeconds;
  /** Leave alone what the destination has, whatever it is. Default: false. */
  readonly onlyMissing?: boolean;
  /** Leave alone what somebody else wrote to the destination: "changed": since both sides agreed on the key; "all": also where they
   * never did. Default: neither. */
  readonly keepForeign?: "changed" | "all" | undefined;
  /** With `keepForeign: "changed"`: of what both sides never agreed on, only this is replaced. Default: all. */
  readonly mayReplace?: ((destination: Entry) => boolean) | undefined;
  /** Do not write again what both sides had and somebody else removed from the destination. Default: false. */
  readonly keepGone?: boolean | undefined;
}

export type Decision =
  | { readonly kind: "nothing" }
  | { readonly kind: "record" }
  | { readonly kind: "forget" }
  /** `ifDifferent`: the source's fingerprint is not known yet; compare when it is read, and record if equal. */
  | { readonly kind: "write"; readonly save: boolean; readonly ifDifferent: boolean }
  | { readonly kind: "remove"; readonly save: boolean }
  | { readonly kind: "skip"; readonly reason: SkipReason };

/** "expired": its time has come, and it is gone as it should be. "too-late": it was changed, and KV takes it no more. */
type SkipReason = "expired" | "too-late" | "not-owned" | "kept";

const nothing: Decision = { kind: "nothing" };
const record: Decision = { kind: "record" };
const kept: Decision = { kind: "skip", reason: "kept" };

/** Where both sides are present, the fingerprint of the destination must be known (engine/observe.ts reads what a listing does not
 * tell), unless what it has is left alone. That of the source may be unknown: then the write is `ifDifferent`. */
export function reconcileOneWay(
  source: Entry | undefined,
  destination: Entry | undefined,
  base: BaseRow | undefined,
  policy: OneWayPolicy,
): Decision {
  if (source === undefined) return reconcileAbsent(destination, base, policy);
  if (destination === undefined) {
    if (policy.keepGone === true && base !== undefined && compareVersions(source, base) !== "different") return kept;
    return isExpired(source, base, policy.now)
      ? {
          kind: "skip",
          reason: base !== undefined && compareVersions(source, base) === "same" ? "expired" : "too-late",
        }
      : { kind: "write", save: false, ifDifferent: false };
  }
  const comparison = compareVersions(source, destination);
  if (comparison === "same") return base !== undefined && isRecorded(source, destination, base) ? nothing : record;
  if (policy.onlyMissing === true || isTheirs(destination, base, policy)) return kept;
  if (comparison === "different" && expiresTooSoon(source.expiration, policy.now))
    return { kind: "skip", reason: "too-late" };
  return {
    kind: "write",
    save: isLost(destination, base, policy.save === "all"),
    ifDifferent: comparison === "unknown",
  };
}

function reconcileAbsent(destination: Entry | undefined, base: BaseRow | undefined, policy: OneWayPolicy): Decision {
  if (destination === undefined) return base === undefined ? nothing : { kind: "forget" };
  if (policy.delete === "none" || (base !== undefined && isTheirs(destination, base, policy))) return kept;
  if (policy.delete === "owned" && base === undefined) return { kind: "skip", reason: "not-owned" };
  return { kind: "remove", save: isLost(destination, base, policy.save !== "foreign") };
}

/** Whether somebody else wrote what the destination holds, and it is to stay. */
function isTheirs(destination: Entry, base: BaseRow | undefined, { keepForeign, mayReplace }: OneWayPolicy): boolean {
  if (keepForeign === undefined) return false;
  if (base === undefined && keepForeign === "changed") return mayReplace?.(destination) === false;
  return isForeign(destination, base);
}

function isLost(destination: Entry, base: BaseRow | undefined, always: boolean): boolean {
  return always || isForeign(destination, base);
}

/** Whether a side holds what the base does not know: somebody else put it there, and nobody else may have it. */
export function isForeign(entry: Entry, base: BaseRow | undefined): boolean {
  return base === undefined || compareVersions(entry, base) !== "same";
}

/** A key that is gone since its time had come is not written again: neither one whose own expiration has passed, nor
 * one that a rule gave a time to live and whose file is as it was when that began. */
function isExpired(source: Entry, base: BaseRow | undefined, now: EpochSeconds): boolean {
  if (expiresTooSoon(source.expiration, now)) return true;
  if (base?.expiration === undefined || source.ttlSeconds === undefined || base.expiration > now) return false;
  return compareVersions(source, base) === "same";
}
