// The source followed after the first pass: rounds until two in a row change nothing and the settle window has passed; then it is `ready`,
// and goes on until the cut-over is asked for. KV has no lock on writes, so the operator stops the writers, or deploys the new ids,
// and one last pass carries over what was written until then.

import type { Clock, DurationMs } from "../core/clock.ts";
import { areGoneForGood } from "./gone-for-good.ts";
import type { MigrationState } from "./migration-record.ts";
import type { MigrationStore } from "./migration-store.ts";
import type { PassOutcome } from "./pass-namespaces.ts";
import type { RequestWatch } from "./watch-requests.ts";

export interface FollowDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly requests: RequestWatch;
  readonly intervalMs: DurationMs;
  readonly settleWindowMs: DurationMs;
  readonly store: MigrationStore;
  readonly setState: (state: MigrationState) => void;
  readonly pass: (of: { readonly isLast: boolean }) => Promise<PassOutcome>;
}

/** What the rounds so far come to. */
interface Following {
  /** In a row, up to the last one. */
  readonly quietRounds: number;
  /** Since the last round that carried something over. */
  readonly quietMs: DurationMs;
  readonly settleWindowMs: DurationMs;
}

const QUIET_ROUNDS = 2;

export function followState({ quietRounds, quietMs, settleWindowMs }: Following): "catching-up" | "ready" {
  return quietRounds >= QUIET_ROUNDS && quietMs >= settleWindowMs ? "ready" : "catching-up";
}

/** Returns the outcome of the last pass. A namespace that fails ends it, unless it is gone for good: the others are followed. */
export async function followSource(deps: FollowDeps): Promise<PassOutcome> {
  const { clock, settleWindowMs, store, setState, pass, requests } = deps;
  const asked = { isCutover: store.current().state === "cutting-over" };
  void requests.cutover.then(() => (asked.isCutover = true));
  let quietRounds = 0;
  let quietSince = clock.monotonic();
  if (!asked.isCutover) setState("catching-up");
  while (!asked.isCutover) {
    const outcome = await pass({ isLast: false });
    if (!areGoneForGood(outcome.failures)) return outcome;
    if (outcome.isQuiet) quietRounds++;
    else {
      quietRounds = 0;
      quietSince = clock.monotonic();
    }
    store.set({ quietRounds, rounds: store.current().rounds + 1 });
    if (asked.isCutover) break;
    setState(followState({ quietRounds, quietMs: clock.monotonic() - quietSince, settleWindowMs }));
    await rest(deps);
  }
  setState("cutting-over");
  // What was written until now shows in every listing and every read only then.
  await clock.sleep(settleWindowMs, deps.signal);
  return pass({ isLast: true });
}

/** Until the next round is due, or the cut-over is asked for. */
async function rest({ clock, signal, intervalMs, requests }: FollowDeps): Promise<void> {
  const over = new AbortController();
  const sleep = clock.sleep(intervalMs, AbortSignal.any([signal, over.signal]));
  await Promise.race([sleep, requests.cutover]);
  over.abort();
  await sleep.catch((error: unknown) => {
    if (signal.aborted) throw error;
  });
}
