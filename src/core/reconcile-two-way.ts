// The decision table of two-way sync: what is to be done about one key, given what the local side, the remote side and
// the base say of it. Pure, and the only place where that is decided [I5]; the remote has been put right for its lag already
// (core/settle.ts). test/unit/core/reconcile-two-way.test.ts is the same table as data.
//
//   local           remote          base      decision
//   --------------  --------------  --------  ----------------------------------------------------------
//   same            same            any       record it, unless it is recorded
//   unchanged       changed         present   carry the remote over; or remove the file if the key is gone
//   changed         unchanged       present   carry the file over; or remove the key if the file is gone
//   changed         gone            present   carry the file over: an edit beats a delete
//   gone            changed         present   carry the remote over: an edit beats a delete
//   changed         changed         present   conflict
//   present         absent          none      carry the file over
//   absent          present         none      carry the remote over
//   present         differs         none      conflict
//   gone            gone            present   forget
//
// Where a person resolves a conflict (`resolution`), the round is about that key alone: it does what that person chose to a conflict of
// the very values that were shown, and nothing to anything else.
//
// A change is a version that is not the base's; time plays no part in it. With no base nothing was ever deleted: what one side
// has is carried to the other, which is how a lost journal is rebuilt as a union.

import type { EpochSeconds } from "./clock.ts";
import { compareVersions, expiresTooSoon, isRecorded } from "./compare.ts";
import type { BaseRow, Entry } from "./entry.ts";
import type { Fingerprint } from "./fingerprint.ts";

export type ConflictPolicy = "keep-both" | "local" | "remote" | "hold";

/** What a person chose for a conflict, and the versions that were shown; undefined: whatever they are. */
export interface Resolution {
  readonly keep: Keep;
  readonly local?: Fingerprint | undefined;
  readonly remote?: Fingerprint | undefined;
}

export interface TwoWayPolicy {
  readonly conflict: ConflictPolicy;
  readonly resolution?: Resolution | undefined;
  readonly now: EpochSeconds;
}

export type Side = "local" | "remote";

/** Which version a person keeps. */
export type Keep = Side | "both";

export type TwoWayDecision =
  | { readonly kind: "nothing" }
  | { readonly kind: "record" }
  | { readonly kind: "forget" }
  /** `save`: what `to` holds is nowhere else, and is saved before it is replaced. */
  | { readonly kind: "write"; readonly to: Side; readonly save: boolean }
  | { readonly kind: "remove"; readonly from: Side }
  /** Both changed. The winner keeps the name; the loser's version is kept as a conflict copy if `copy`, and in the trash. */
  | { readonly kind: "conflict"; readonly winner: Side; readonly copy: boolean }
  /** Both changed, and a person is to decide. */
  | { readonly kind: "wait" }
  /** "expired": KV let it go, and its file stays. "too-late": it was changed, and KV takes it no more. "not-shown": it is not the
   * conflict that is to be resolved. */
  | { readonly kind: "skip"; readonly reason: "expired" | "too-late" | "not-shown" };

/** All fingerprints of present versions must be known. */
export function reconcileTwoWay(
  local: Entry | undefined,
  remote: Entry | undefined,
  base: BaseRow | undefined,
  policy: TwoWayPolicy,
): TwoWayDecision {
  if (local === undefined && remote === undefined) return { kind: base === undefined ? "nothing" : "forget" };
  if (local !== undefined && remote !== undefined && compareVersions(local, remote) === "same") {
    if (!isChosen(local, policy.resolution)) return { kind: "skip", reason: "not-shown" };
    return { kind: base !== undefined && isRecorded(local, remote, base) ? "nothing" : "record" };
  }
  const localChanged = isChanged(local, base);
  const remoteChanged = isChanged(remote, base);
  if (policy.resolution !== undefined) {
    const isConflict = localChanged && remoteChanged && local !== undefined && remote !== undefined;
    return isConflict && isShown(local, remote, policy.resolution)
      ? conflict(local, { ...policy, conflict: POLICY_OF[policy.resolution.keep] })
      : { kind: "skip", reason: "not-shown" };
  }
  if (localChanged && remoteChanged && local !== undefined && remote !== undefined) return conflict(local, policy);
  // One side changed; or both did and one of them deleted, and an edit beats a delete.
  if (localChanged && local !== undefined) return carry(local, "remote", policy.now);
  if (remoteChanged && remote !== undefined) return carry(remote, "local", policy.now);
  if (local === undefined) return { kind: "remove", from: "remote" };
  return isGoneByExpiry(local, base, policy.now)
    ? { kind: "skip", reason: "expired" }
    : { kind: "remove", from: "local" };
}

const POLICY_OF: Readonly<Record<Keep, ConflictPolicy>> = {
  local: "local",
  remote: "remote",
  both: "keep-both",
};

/** False: both sides hold the same by now, and it is not what this person chose, or none of what was shown: somebody has decided otherwise
 * meanwhile, or the key was in no conflict. */
function isChosen({ fingerprint }: Entry, resolution: Resolution | undefined): boolean {
  if (resolution === undefined) return true;
  const { keep, local, remote } = resolution;
  const chosen = keep === "both" ? undefined : resolution[keep];
  if (chosen !== undefined) return chosen === fingerprint;
  const shown = [local, remote].filter((each) => each !== undefined);
  return shown.length === 0 || shown.includes(fingerprint!);
}

function isShown(local: Entry, remote: Entry, shown: Resolution): boolean {
  return (
    (shown.local === undefined || shown.local === local.fingerprint) &&
    (shown.remote === undefined || shown.remote === remote.fingerprint)
  );
}

function isChanged(version: Entry | undefined, base: BaseRow | undefined): boolean {
  if (version === undefined || base === undefined) return (version === undefined) !== (base === undefined);
  return compareVersions(version, base) !== "same";
}

/** A value that replaces what the base knows destroys nothing that is nowhere else; on the local side a copy is kept all
 * the same, since that costs no request. */
function carry(version: Entry, to: Side, now: EpochSeconds): TwoWayDecision {
  if (to === "remote" && expiresTooSoon(version.expiration, now)) return { kind: "skip", reason: "too-late" };
  return { kind: "write", to, save: to === "local" };
}

function conflict(local: Entry, { conflict: policy, now }: TwoWayPolicy): TwoWayDecision {
  switch (policy) {
    case "keep-both":
      return { kind: "conflict", winner: "remote", copy: true };
    case "local":
      // Nothing takes the place of the remote's version, so it is no conflict that is over.
      if (expiresTooSoon(local.expiration, now)) return { kind: "skip", reason: "too-late" };
      return { kind: "conflict", winner: "local", copy: false };
    case "remote":
      return { kind: "conflict", winner: "remote", copy: false };
    case "hold":
      return { kind: "wait" };
  }
}

/** A key that KV let expire is no deletion by anybody: its file stays, and is not written again. */
function isGoneByExpiry(local: Entry, base: BaseRow | undefined, now: EpochSeconds): boolean {
  return expiresTooSoon(local.expiration ?? base?.expiration, now);
}
