// Rounds that follow the change feed of a mapping's namespace: over keys that it told, and the first of a daemon that goes on where the
// last one was.

import type { MappingConfig } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { compileFilter } from "../core/filter.ts";
import type { Key } from "../core/key.ts";
import type { Journal } from "../journal/journal.ts";
import { openBase } from "../journal/base.ts";
import { isCheaperByName, openKeyOfName } from "./changed-keys.ts";
import { type DirtyKeys, findDirtyKeys } from "./dirty-keys.ts";
import { openFeedMemory } from "./feed-memory.ts";
import type { Looked } from "./local-look.ts";
import { isAsBefore } from "./mapping-facts.ts";
import type { MappingMemory } from "./mapping-memory.ts";
import type { MappingOpener } from "./mapping-opener.ts";
import type { Judged, OneRound, Situation } from "./one-round.ts";
import type { OpenMapping } from "./open-mapping.ts";
import type { MappingRounds, RoundCall, RoundReport } from "./round-port.ts";
import { lookedAt } from "./standing-problems.ts";

interface RemoteRoundsDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly mapping: MappingConfig;
  readonly memory: MappingMemory;
  readonly opener: MappingOpener;
  /** Finds out where things stand, and does the work. */
  readonly attempt: <T extends object>(call: RoundCall, work: (situation: Situation) => Promise<T>) => Promise<T>;
  readonly run: (situation: Situation, round: OneRound) => Promise<Judged>;
  /** `some` undefined, or a plan that takes a look at all keys: over all. */
  readonly runSome: (situation: Situation, call: RoundCall, some: DirtyKeys | undefined) => Promise<RoundReport>;
  readonly look: (opened: OpenMapping, signal: AbortSignal) => Promise<Looked>;
}

export function openRemoteRounds(
  deps: RemoteRoundsDeps,
): Pick<MappingRounds, "changed" | "goOn" | "keyOf" | "cursor" | "keepCursor"> {
  const { journal, mapping, memory, opener, attempt, run, runSome, look } = deps;
  const { folder: root, names, prefix, symlinks } = mapping;
  const feed = openFeedMemory(deps);
  const { mayContain } = compileFilter(mapping);

  /** Whether a round over some keys says what one over all would of them. */
  const mayBePartial = ({ before, circumstances }: Situation): boolean =>
    before !== undefined && isAsBefore(circumstances) && memory.holds.before(mapping.name) === undefined;

  /** What is told of the keys; undefined: a look at all is due, or is cheaper. */
  function changedKeys(situation: Situation, keys: readonly Key[]): DirtyKeys | undefined {
    if (!mayBePartial(situation)) return undefined;
    const base = openBase(journal, situation.pair.identity);
    if (!isCheaperByName(keys, base, { writes: mapping.mode !== "pull" })) return undefined;
    return { keys, problems: [], covers: lookedAt(keys, []), isRemoteChanged: true };
  }

  /** The keys of the files that are not as they were; undefined: it is not enough to look at those. */
  async function changedFiles(situation: Situation, { signal }: RoundCall): Promise<DirtyKeys | undefined> {
    const { pair, before } = situation;
    if (before === undefined || !mayBePartial(situation) || !feed.mayGoOn(pair.identity, before)) return undefined;
    // What is in the way of a key may have gone; and what lies behind a link is told by a look at everything.
    if (memory.outcome.hasProblems() || symlinks !== "skip") return undefined;
    const found = await look(situation.mapping, signal);
    if (found.kind === "rescan") return undefined;
    const paths = found.kind === "paths" ? found.paths : [];
    const base = openBase(journal, pair.identity);
    const files = findDirtyKeys(paths, { root, names, prefix, mayContain, base, followsLinks: false });
    if (files === undefined || !isCheaperByName(files.keys, base, { writes: true })) return undefined;
    return { ...files, isRemoteChanged: true };
  }

  const identity = (): string | undefined => opener.opened()?.mapping.pair("push").identity;
  return {
    changed: (keys, call) => attempt(call, (situation) => runSome(situation, call, changedKeys(situation, keys))),
    goOn: async (call, isFollowed) => {
      const { report } = await attempt(call, async (situation) => {
        const some = isFollowed() ? await changedFiles(situation, call) : undefined;
        if (some === undefined) return { report: undefined };
        const judged = await run(situation, { call, some });
        memory.prune(judged.report.result);
        return { report: judged.needsFullRound ? undefined : judged.report };
      });
      return report;
    },
    keyOf: openKeyOfName(mapping),
    cursor: () => {
      const of = identity();
      return of === undefined ? undefined : feed.cursor(of);
    },
    keepCursor: (cursor) => {
      const of = identity();
      if (of !== undefined) feed.keep(of, cursor);
    },
  };
}
