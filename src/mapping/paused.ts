// What is said of a mapping that is paused: as a status, and as the refusal of whoever asks for a round of it.

import { AppError, visible } from "../core/errors.ts";
import type { Pause } from "../journal/pauses.ts";
import type { PausedStatus } from "./status.ts";

export function pausedStatus({ since, reason }: Pause): PausedStatus {
  return { since, reason: reason ?? null, by: "person" };
}

export function pausedError({ mapping, reason }: Pause): AppError {
  const why = reason === undefined ? "" : `: ${visible(reason)}`;
  return new AppError("paused", `mapping "${visible(mapping)}" is paused${why}`, {
    hint: `to go on with it, type: kvsync resume ${visible(mapping)}`,
  });
}

const REASON_CHARS_MAX = 500;

/** Throws AppError `usage` for a reason that no status has room for. */
export function checkPauseReason(reason: string): string {
  if (reason.length <= REASON_CHARS_MAX) return reason;
  throw new AppError("usage", `a reason has at most ${REASON_CHARS_MAX} characters`);
}
