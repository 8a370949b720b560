// What observation works with: both sides, how exactly to look, and whom to tell.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";
import type { Pages, Replica } from "../replica/replica.ts";

export interface Observer {
  readonly clock: Clock;
  readonly source: Replica;
  readonly destination: Replica;
  /** Also read sources whose fingerprint is unknown, rather than leave the comparison to the transfer, which reads them
   * anyway: for plans that are shown and not applied, and for two-way sync, which must know both. */
  readonly exact: boolean;
  readonly twoWay: boolean;
  readonly settleWindowMs: DurationMs;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
  /** Keys whose listing lags, and was taken to be what the base says. */
  readonly onLag: (keys: number) => void;
}

export async function* onePage<T>(page: readonly T[]): Pages<T> {
  yield page;
}

export function transferOptions({ signal }: { readonly signal: AbortSignal | undefined }): {
  readonly signal?: AbortSignal;
} {
  return signal === undefined ? {} : { signal };
}
