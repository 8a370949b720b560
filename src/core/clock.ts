// Time, sleep and chance, as one thing that is handed in: a simulation runs days in milliseconds and replays a seed.
// [I2] Nothing under src/ reads a clock, sets a timer or draws a random number but through a Clock.

declare const epochMs: unique symbol;
declare const epochSeconds: unique symbol;
declare const monotonicMs: unique symbol;

/** Whole milliseconds since 1970, as a clock tells them: databases number and date rows by them. */
export type EpochMs = number & { readonly [epochMs]: true };
/** Milliseconds since some moment before the process began. It never goes back and never jumps, whatever is done to the
 * machine's clock. It goes on from one process to the next until the machine is started anew. */
export type MonotonicMs = number & { readonly [monotonicMs]: true };
/** Whole seconds since 1970, as KV expirations are told. */
export type EpochSeconds = number & { readonly [epochSeconds]: true };
export type DurationMs = number;
export type ByteCount = number;

export interface Clock {
  /** The time of day: to be shown, stored, or compared with times from elsewhere. It may jump in either direction. */
  now(): EpochMs;
  /** For how long something has taken or waited: the difference between two of these is true even if the clock jumped. */
  monotonic(): MonotonicMs;
  /** Resolves after `duration`, of any length, measured as {@link monotonic} does; or rejects with the signal's reason as soon as it is aborted. */
  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
}

/** `value` as whole epoch seconds, or undefined if it is no positive integer. */
export function parseEpochSeconds(value: unknown): EpochSeconds | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? (value as EpochSeconds) : undefined;
}

/** The whole second that `now` lies in. */
export function toEpochSeconds(now: EpochMs): EpochSeconds {
  return Math.floor(now / 1000) as EpochSeconds;
}
