// The scrub of one mapping over time: a step now and then, for as long as the mapping runs, beside its rounds, since it
// reads only. What it finds stays known until a later step finds it sound.

import type { Clock } from "../../core/clock.ts";
import type { Problem } from "../../core/problem.ts";
import { scrubIntervalMs } from "../../core/scrub-interval.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import type { ScrubStep } from "../../mapping/scrub-step.ts";

export interface ScrubLoopDeps {
  readonly clock: Clock;
  /** One step; undefined: nothing can be read now. Throws AppError if it fails as a whole. */
  readonly step: (signal: AbortSignal) => Promise<ScrubStep | undefined>;
  /** Told about values that are newly found not to be what their stamps say. */
  readonly onFound: (problems: readonly Problem[]) => void;
}

export interface ScrubLoop {
  /** What is known to be wrong now. */
  problems(): readonly Problem[];
  /** Breaks off the step that is being taken, if one is; resolves when nothing runs. The next one comes at its time. */
  breakOff(): Promise<void>;
  close(): Promise<void>;
  /** Settles when the loop has ended; rejects with a bug. */
  readonly ended: Promise<void>;
}

/** A namespace that is damaged as a whole is told by its first keys. */
const PROBLEMS_KEPT_MAX = 1000;

export function openScrubLoop({ clock, step, onFound }: ScrubLoopDeps): ScrubLoop {
  const closing = new AbortController();
  const known = new Map<string, Problem>();
  let keys = 0;
  let stepping: { readonly abort: AbortController; readonly over: Promise<unknown> } | undefined;

  function note({ sound, problems }: ScrubStep): void {
    for (const key of sound) known.delete(key);
    const found = problems.filter(({ subject }) => !known.has(subject));
    for (const problem of found) if (known.size < PROBLEMS_KEPT_MAX) known.set(problem.subject, problem);
    if (found.length > 0) onFound(found);
  }

  async function run(): Promise<void> {
    for (;;) {
      await clock.sleep(scrubIntervalMs(keys), closing.signal);
      const abort = new AbortController();
      try {
        const over = step(AbortSignal.any([closing.signal, abort.signal]));
        stepping = { abort, over };
        const done = await over;
        if (done === undefined) continue;
        keys = done.keys;
        note(done);
      } catch (error) {
        // Rounds fail of the same, and tell; the scrub takes its next step at its time.
        if (!abort.signal.aborted && operationErrorOf(error) === undefined) throw error;
      } finally {
        stepping = undefined;
      }
    }
  }

  const ended = run().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });
  return {
    problems: () => [...known.values()],
    breakOff: async () => {
      stepping?.abort.abort();
      await stepping?.over.catch(() => {});
    },
    close: async () => {
      closing.abort();
      await ended;
    },
    ended,
  };
}
