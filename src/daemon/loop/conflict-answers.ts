// What the daemon answers about conflicts: it looks at them beside the rounds, and resolves them between two.

import type { ConflictList, ConflictView, ResolveChoice, Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import { joinedLists } from "../../mapping/conflicts/list-conflicts.ts";
import type { MappingLoop } from "./loop-port.ts";
import type { LoopSet } from "./loop-set.ts";

export interface ConflictAnswers {
  /** The conflicts of one mapping, or of all. */
  conflicts(name: string | undefined, signal: AbortSignal): Promise<ConflictList>;
  conflict(name: string, asked: Pick<ResolveChoice, "key" | "copy">, signal: AbortSignal): Promise<ConflictView>;
  /** As {@link MappingLoop.resolve}. */
  resolve(name: string, choice: ResolveChoice): Promise<Resolved>;
}

export function openConflictAnswers({
  loops,
  find,
  ready,
}: {
  readonly loops: Pick<LoopSet, "all">;
  readonly find: (name: string) => MappingLoop;
  readonly ready: () => Promise<unknown>;
}): ConflictAnswers {
  return {
    conflicts: async (name, signal) => {
      await ready();
      const chosen = name === undefined ? loops.all() : [find(name)];
      return joinedLists(await Promise.all(chosen.map((loop) => loop.conflicts.conflicts(signal))));
    },
    conflict: async (name, asked, signal) => {
      await ready();
      return find(name).conflicts.conflict(asked, signal);
    },
    resolve: async (name, choice) => {
      await ready();
      return find(name).resolve(choice);
    },
  };
}
