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
  readonly loops: Pick<LoopSet, "all" | "get" | "scrubOf">;
  /** Throws AppError `usage` for a name there is no mapping of. */
  readonly find: (name: string) => MappingLoop;
  /** Resolves when the set of loops is as the config says. */
  readonly ready: () => Promise<unknown>;
  readonly onEvent: DaemonListener;
}

export interface Pausing {
  /** Of these mappings, or of all, no round begins any more until they are resumed. Resolves when none runs: one that does may end by
   * itself within ten seconds, then it is broken off. Throws AppError `usage` for a name there is no mapping of. Returns their names. */
  pause(names: readonly string[], reason: string | undefined): Promise<readonly string[]>;
  /** These mappings, or all, also those that do not run here. Throws AppError `usage` for a name of which nothing is known. Returns the
   * names of those that were paused. */
  resume(names: readonly string[]): Promise<readonly string[]>;
  /** Drops the plan that `mapping` is held with, and pauses it. Throws AppError `usage` if it is not held, or by another plan than
   * `plan`: then it is not paused either. Returns the plan's id. */
  discard(mapping: string, plan?: string): Promise<string>;
}

/** How long a round may go on when a pause is asked for: as when the daemon is to stop. */
const PAUSE_GRACE_MS: DurationMs = 10_000;

export function openPausing({ clock, pauses, loops, find, ready, onEvent }: PausingDeps): Pausing {
  /** How often somebody asked that a mapping be paused: while a plan is being discarded, that somebody else may. */
  const asked = new Map<string, number>();

  async function pauseOne(loop: MappingLoop, reason: string | undefined): Promise<void> {
    const { mapping } = loop;
    const paused = pauses.pause(mapping.name, reason);
    if (!loop.isPaused()) onEvent({ kind: "paused", pause: paused, mapping });
    const over = new AbortController();
    const deadline = clock.sleep(PAUSE_GRACE_MS, over.signal);
    deadline.catch(() => {});
    await Promise.all([loop.pause(paused, deadline), loops.scrubOf(loop)?.breakOff()]);
    over.abort();
  }

  function resumeOne(name: string): boolean {
    const wasPaused = pauses.resume(name);
    const loop = loops.get(name);
    if (!wasPaused || loop === undefined) return wasPaused;
    loop.resume();
    onEvent({ kind: "resumed", mapping: loop.mapping });
    return true;
  }

  const timesAsked = (name: string): number => asked.get(name) ?? 0;

  return {
    pause: async (names, reason) => {
      await ready();
      const chosen = names.length === 0 ? loops.all() : [...new Set(names)].map(find);
      for (const { mapping } of chosen) asked.set(mapping.name, timesAsked(mapping.name) + 1);
      await Promise.all(chosen.map((loop) => pauseOne(loop, reason)));
      return chosen.map(({ mapping }) => mapping.name);
    },
    resume: async (names) => {
      await ready();
      const known = pauses.list().map((paused) => paused.mapping);
      for (const name of names) if (!known.includes(name)) find(name);
      return (names.length === 0 ? known : [...new Set(names)]).filter(resumeOne);
    },
    discard: async (name, plan) => {
      await ready();
      const loop = find(name);
      const { mapping } = loop;
      const held = planOf(loop, plan);
      const before = pauses.get(mapping.name);
      const askedBefore = timesAsked(name);
      const reason = `plan ${held} was discarded`;
      await pauseOne(loop, reason);
      await ready();
      // The round that ran meanwhile may have made it another one; and a reload may have started it anew.
      const current = loops.get(name) ?? loop;
      if (current.state().hold?.plan !== held || !pauses.discard(mapping.name, held)) {
        const isOurs = before === undefined && timesAsked(name) === askedBefore;
        if (isOurs) resumeOne(mapping.name);
        else if (pauses.get(mapping.name)?.reason === reason)
          await pauseOne(current, before?.reason ?? "a person asked for it");
        throw heldWithOther(current, held);
      }
      current.discarded();
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
