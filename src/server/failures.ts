// What the server itself failed at, told to whoever runs it: in one line, and once in a while for each reason. A database whose disk is full answers
// `/health`, and takes no write: without a line nobody would know.

import type { Clock, DurationMs } from "../core/clock.ts";
import { StoreUnavailable } from "./store/store.ts";

const SILENT_MS: DurationMs = 60_000;
/** Of reasons that are remembered: they may have changing numbers in them. */
const REASONS_MAX = 100;

/** A function that is told of each. */
export function failureWarner(clock: Clock, warn: (message: string) => void): (error: unknown) => void {
  const silentUntil = new Map<string, number>();
  return (error) => {
    const reason = error instanceof Error ? error.message : String(error);
    const now = clock.monotonic();
    if (now < (silentUntil.get(reason) ?? -Infinity)) return;
    if (silentUntil.size >= REASONS_MAX) silentUntil.clear();
    silentUntil.set(reason, now + SILENT_MS);
    const status = error instanceof StoreUnavailable ? 503 : 500;
    warn(`a request is answered with ${status}: ${reason} (said once a minute)`);
  };
}
