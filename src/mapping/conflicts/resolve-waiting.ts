// A conflict that waits, resolved as a person chose: by a round over its key alone, which core/reconcile-two-way.ts decides by that
// choice. Guards, the trash, the base and the history are those of every round. What such a round came to is said here.

import { AppError, visible } from "../../core/errors.ts";
import { parseFingerprint } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { Resolution } from "../../core/reconcile-two-way.ts";
import type { Done } from "../../engine/plan/action.ts";
import type { RoundReport } from "../round-port.ts";
import { NO_VALUE, type ResolveChoice } from "./conflict-lines.ts";
import { notAsShown } from "./not-as-shown.ts";

/** Throws AppError `usage` for what has not the form of a fingerprint. */
export function resolutionOf({ keep, local, remote }: ResolveChoice): Resolution {
  return { keep, local: fingerprintOf(local, "local"), remote: fingerprintOf(remote, "remote") };
}

function fingerprintOf(text: string | undefined, side: string): Resolution["local"] {
  if (text === undefined || text === NO_VALUE) return undefined;
  const fingerprint = parseFingerprint(text);
  if (fingerprint === undefined)
    throw new AppError("usage", `"${visible(text)}" is no fingerprint of the ${side} version`, {
      hint: "kvsync conflicts show tells them",
    });
  return fingerprint;
}

export interface EndedResolution {
  readonly key: Key;
  readonly keep: ResolveChoice["keep"];
  readonly report: RoundReport;
  /** What the round did to the key; undefined: nothing. */
  readonly done: Done | undefined;
  /** Its file is being written. */
  readonly isMoving: boolean;
}

/** What was done, for people. Throws AppError `plan-outdated` if it is not sure, or not so, that the key is in the conflict that was
 * shown, `failed` if it could not be resolved. */
export function tellResolution({ key, keep, report, done, isMoving }: EndedResolution): string {
  const [problem] = report.problems;
  if (done === undefined && problem !== undefined) {
    const isUnsure = problem.code === "stale-read" || problem.code === "unconfirmed";
    throw new AppError(isUnsure ? "plan-outdated" : "failed", `${visible(key)} ${problem.message}`, {
      hint:
        problem.code === "expired"
          ? "nothing was changed; keep remote, or give the local version another expiration"
          : "nothing was changed; try again when the namespace has settled, or see kvsync status",
      retryable: isUnsure,
    });
  }
  if (done === undefined && isMoving)
    throw new AppError("plan-outdated", `the file of ${visible(key)} is still being written`, {
      hint: "nothing was changed; try again when it is at rest",
      retryable: true,
    });
  if (done === undefined && report.result.lagging > 0)
    throw new AppError("plan-outdated", `the namespace does not show yet what ${visible(key)} is`, {
      hint: "nothing was changed; try again when it has settled",
      retryable: true,
    });
  if (done === undefined && report.result.unchanged === 0) throw notAsShown(key);
  if (isAlike(done)) return "both sides hold the same by now";
  const copy = done?.copy === undefined ? "" : ` as ${visible(done.copy)}`;
  switch (keep) {
    case "local":
      return "the local version is in the namespace; what was there is in the trash";
    case "remote":
      return "the namespace's version is in the file; what was there is in the trash";
    case "both":
      return `the namespace's version has the name; the local one lies beside it${copy}, and is in the trash as well`;
  }
}

/** There was nothing to choose any more: both sides held the same. */
export function isAlike(done: Done | undefined): boolean {
  return done === undefined || done.kind === "unchanged";
}

/** What is done about `key` by a round over all keys is held: so it is not resolved by the way. */
export function heldConflict(mapping: string, why: string): AppError {
  return new AppError("held", `mapping "${visible(mapping)}" ${why}: no conflict of it is resolved meanwhile`, {
    hint: `look with kvsync status; then kvsync sync ${visible(mapping)}, approve or discard`,
  });
}
