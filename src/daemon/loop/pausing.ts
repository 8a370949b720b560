// Pauses in the daemon: what the journal keeps of them, and the loops that go by it. Each is in the journal before its loop knows.

import type { Clock, DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Pauses } from "../../journal/pauses.ts";
import type { DaemonListener } from "../daemon-event.ts";
import type { MappingLoop } from "./loop-port.ts";
import type { LoopSet } from "./loop-set.ts";

export interface PausingDeps {
  readonly clock: Clock;
  readonly pauses: Pauses;
  readonly loops: Pick<LoopSet, "get" | "scrubOf">;
  readonly onEvent: DaemonListener;
}

export interface Pausing {
  /** Resolves when nothing of it runs. */
  readonly pause: (loop: MappingLoop, reason: string | undefined) => Promise<void>;
  /** Also of a mapping that does not run here. False: it was not paused. */
  readonly resume: (name: string) => boolean;
  /** As {@link Supervisor.discard}. */
  readonly discard: (loop: MappingLoop, plan: string | undefined) => Promise<string>;
}

/** How long a round may go on when a pause is asked for: as when the daemon is to stop. */
const PAUSE_GRACE_MS: DurationMs = 10_000;

export function openPausing({ clock, pauses, loops, onEvent }: PausingDeps): Pausing {
  async function pause(loop: MappingLoop, reason: string | undefined): Promise<void> {
    const { mapping } = loop;
    const paused = pauses.pause(mapping.name, reason);
    if (!loop.isPaused()) onEvent({ kind: "paused", pause: paused, mapping });
    const over = new AbortController();
    const deadline = clock.sleep(PAUSE_GRACE_MS, over.signal);
    deadline.catch(() => {});
    await Promise.all([loop.pause(paused, deadline), loops.scrubOf(loop)?.breakOff()]);
    over.abort();
  }

  function resume(name: string): boolean {
    const wasPaused = pauses.resume(name);
    const loop = loops.get(name);
    if (!wasPaused || loop === undefined) return wasPaused;
    loop.resume();
    onEvent({ kind: "resumed", mapping: loop.mapping });
    return true;
  }

  return {
    pause,
    resume,
    discard: async (loop, plan) => {
      const { mapping } = loop;
      const held = planOf(loop, plan);
      const before = pauses.get(mapping.name);
      await pause(loop, `plan ${held} was discarded`);
      // The round that ran meanwhile may have made it another one.
      if (loop.state().hold?.plan !== held || !pauses.discard(mapping.name, held)) {
        if (before === undefined) resume(mapping.name);
        throw heldWithOther(loop, held);
      }
      loop.discarded();
      onEvent({ kind: "discarded", plan: held, mapping });
      return held;
    },
  };
}

/** Throws AppError `usage` if `loop` is not held, or by another plan than `plan`. */
function planOf(loop: MappingLoop, plan: string | undefined): string {
  const { hold } = loop.state();
  if (hold === undefined)
    throw new AppError("usage", `mapping "${loop.mapping.name}" is not held: there is nothing to discard`);
  if (plan !== undefined && plan !== hold.plan) throw heldWithOther(loop, plan);
  return hold.plan;
}

export function heldWithOther(loop: MappingLoop, plan: string): AppError {
  const { name } = loop.mapping;
  const { hold } = loop.state();
  const now = hold === undefined ? "is not held any more" : `is held with plan ${hold.plan}`;
  return new AppError("usage", `mapping "${name}" ${now}, not with ${plan}`, {
    hint: `look at it again with kvsync status and kvsync diff ${name}`,
  });
}
