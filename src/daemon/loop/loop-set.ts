// The loops of the daemon: a loop and a scrub for each mapping that the config asks for, in the order of the config.

import { autoMappings } from "../../config/auto-mappings.ts";
import type { Config, MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { type PollDemand, pollStretch } from "../../core/poll-interval.ts";
import type { Pauses } from "../../journal/pauses.ts";
import type { MappingRounds } from "../../mapping/round-port.ts";
import type { DaemonListener, MappingEvent } from "../daemon-event.ts";
import type { Heartbeats } from "../heartbeats.ts";
import type { WatchEvents, Watcher } from "../watch/watcher.ts";
import type { MappingLoop } from "./loop-port.ts";
import { ROUND_SILENCE_MS_MAX } from "./loop-rounds.ts";
import { openMappingLoop } from "./mapping-loop.ts";
import { openRoundGates } from "./round-gate.ts";
import { openScrubLoop, type ScrubLoop } from "./scrub-loop.ts";

export interface LoopSetDeps {
  readonly clock: Clock;
  /** Only these of the config's mappings, and none that `auto` finds; empty: all. */
  readonly only?: readonly string[];
  readonly pauses: Pauses;
  readonly openRounds: (mapping: MappingConfig) => MappingRounds;
  readonly openWatcher: (mapping: MappingConfig, events: WatchEvents) => Promise<Watcher>;
  /** The folders right under a folder; throws if it cannot be read. */
  readonly listFolders: (folder: string) => readonly string[];
  readonly heartbeats: Heartbeats;
  readonly onEvent: DaemonListener;
}

export interface Reloaded {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface LoopSet {
  all(): readonly MappingLoop[];
  get(name: string): MappingLoop | undefined;
  scrubOf(loop: MappingLoop): ScrubLoop | undefined;
  /** Folders under `auto` that cannot name a mapping. */
  skipped(): readonly string[];
  /** Makes the loops those that `config` asks for, and the folder of `auto`; nothing follows while that cannot be read. Loops whose
   * mapping changed, or is of one of the `stale` accounts, start anew; the others are not disturbed. Calls must not overlap. */
  follow(config: Config, stale: ReadonlySet<string>): Promise<Reloaded>;
  end(loop: MappingLoop, deadline: Promise<void>): Promise<void>;
}

const NOTHING: Reloaded = { added: [], changed: [], removed: [] };

/** Nothing is started any more once `signal` is aborted. `onBug` is told of what ends a loop. */
export function openLoopSet(
  deps: LoopSetDeps & { readonly signal: AbortSignal; readonly onBug: (error: unknown) => void },
): LoopSet {
  const { clock, onEvent, onBug, signal } = deps;
  const gates = openRoundGates();
  const loops = new Map<string, MappingLoop>();
  const scrubs = new Map<MappingLoop, ScrubLoop>();
  let config: Config | undefined;
  let skipped: readonly string[] = [];

  function start(mapping: MappingConfig): void {
    const rounds = deps.openRounds(mapping);
    const paused = deps.pauses.get(mapping.name);
    const loop = openMappingLoop({
      clock,
      mapping,
      gate: gates.of(mapping.account),
      rounds,
      paused,
      openWatcher: (events) => deps.openWatcher(mapping, events),
      pollStretch: () => stretchOf(mapping.account, config, [...loops.values()]),
      heartbeat: deps.heartbeats.open(mapping.name, ROUND_SILENCE_MS_MAX),
      onEvent: (event: MappingEvent) => onEvent({ ...event, mapping }),
    });
    const scrub = openScrubLoop({
      clock,
      step: async (stop) => (loop.state().paused === undefined ? rounds.scrub(stop) : undefined),
      onFound: (problems) => onEvent({ kind: "scrubbed", problems, mapping }),
    });
    loops.set(mapping.name, loop);
    scrubs.set(loop, scrub);
    loop.ended.catch(onBug);
    scrub.ended.catch(onBug);
    onEvent({ kind: "started", paused, mapping });
  }

  async function end(loop: MappingLoop, deadline: Promise<void>): Promise<void> {
    loops.delete(loop.mapping.name);
    await scrubs.get(loop)?.close();
    scrubs.delete(loop);
    await loop.stop(deadline);
    onEvent({ kind: "stopped", mapping: loop.mapping });
  }

  /** The status tells them in the order of the config. */
  function putInOrder(names: readonly string[]): void {
    const ordered = names.flatMap((name) => loops.get(name) ?? []);
    loops.clear();
    for (const loop of ordered) loops.set(loop.mapping.name, loop);
  }

  return {
    all: () => [...loops.values()],
    get: (name) => loops.get(name),
    scrubOf: (loop) => scrubs.get(loop),
    skipped: () => skipped,
    end,
    async follow(next, stale) {
      config = next;
      const found = wantedMappings(next, deps);
      if (found === undefined || signal.aborted) return NOTHING;
      for (const folder of found.skipped) if (!skipped.includes(folder)) onEvent({ kind: "folder-skipped", folder });
      skipped = found.skipped;
      const { mappings } = found;
      const removed = [...loops.values()].filter(({ mapping }) => !mappings.has(mapping.name));
      const changed = [...loops.values()].filter(({ mapping }) => {
        const now = mappings.get(mapping.name);
        return now !== undefined && (stale.has(mapping.account) || !sameMapping(now, mapping));
      });
      const added = [...mappings.keys()].filter((name) => !loops.has(name));
      const atOnce = Promise.resolve();
      await Promise.all([...removed, ...changed].map((loop) => end(loop, atOnce)));
      const names = changed.map(({ mapping }) => mapping.name);
      if (!signal.aborted) for (const name of [...added, ...names]) start(mappings.get(name)!);
      putInOrder([...mappings.keys()]);
      return { added, changed: names, removed: removed.map(({ mapping }) => mapping.name) };
    },
  };
}

/** What the config says, with what `auto` finds; undefined: its folder cannot be read. */
function wantedMappings(
  config: Config,
  { only = [], listFolders }: LoopSetDeps,
): { readonly mappings: ReadonlyMap<string, MappingConfig>; readonly skipped: readonly string[] } | undefined {
  const { auto } = config;
  const chosen = new Set(only);
  const mappings = new Map([...config.mappings].filter(([name]) => chosen.size === 0 || chosen.has(name)));
  if (auto === undefined || chosen.size > 0) return { mappings, skipped: [] };
  let folders: readonly string[];
  try {
    folders = listFolders(auto.root);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    return undefined;
  }
  const found = autoMappings(config, folders);
  for (const mapping of found.mappings) mappings.set(mapping.name, mapping);
  return { mappings, skipped: found.skipped };
}

/** How much longer than asked for the polls of an account must be apart. */
function stretchOf(account: string, config: Config | undefined, loops: readonly MappingLoop[]): number {
  const budget = config?.accounts.get(account)?.budget;
  if (budget === undefined) return 1;
  const demands = loops.flatMap((loop): PollDemand[] => {
    const { mode, pollIntervalMs: intervalMs } = loop.mapping;
    if (mode === "push" || loop.mapping.account !== account || loop.isPaused() || loop.isFed()) return [];
    return [{ intervalMs, requests: Math.max(1, loop.lastFullRound()?.readRequests ?? 1) }];
  });
  const { requests, windowMs, share, pollShare } = budget;
  return pollStretch(demands, { requests: requests * share, windowMs, share: pollShare });
}

function sameMapping(a: MappingConfig, b: MappingConfig): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
