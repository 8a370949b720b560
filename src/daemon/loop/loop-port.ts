// What a mapping's loop is to others: what it is given, what it knows of its mapping, and what may be asked of it.

import type { MappingConfig } from "../../config/config.ts";
import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import type { Key } from "../../core/key.ts";
import type { Progress } from "../../engine/round-request.ts";
import type { Pause } from "../../journal/pauses.ts";
import type { ResolveChoice, Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import type { MappingRounds, RoundReport } from "../../mapping/round-port.ts";
import type { MappingEvent } from "../daemon-event.ts";
import type { Heartbeat } from "../heartbeats.ts";
import type { WatchEvents, Watcher } from "../watch/watcher.ts";
import type { Failure, LoopState } from "./loop-state.ts";
import type { FeedView } from "./remote-feed.ts";
import type { RoundGate } from "./round-gate.ts";

export interface LoopDeps {
  readonly clock: Clock;
  readonly mapping: MappingConfig;
  readonly rounds: MappingRounds;
  /** It begins paused. */
  readonly paused?: Pause | undefined;
  readonly gate: RoundGate;
  /** Watches the mapping's folder. Not called in a pull, whose files nobody is to change. */
  readonly openWatcher: (events: WatchEvents) => Promise<Watcher>;
  /** How much longer polls must be apart than the mapping asks for: at least 1. */
  readonly pollStretch: () => number;
  readonly heartbeat: Heartbeat;
  readonly onEvent: (event: MappingEvent) => void;
}

/** What a loop knows of its mapping now. */
export interface LoopView extends Pick<LoopState, "fullRound" | "lastRound" | "hold"> {
  readonly startedAt: EpochMs;
  readonly activity: Activity | undefined;
  readonly paused: Pause | undefined;
  /** `retryAt`: by the time of day that it is now, whatever it was when the failure happened. */
  readonly failure: (Omit<Failure, "dueAt"> & { readonly retryAt: EpochMs }) | undefined;
  readonly dirty: number;
  /** Everything may have changed. */
  readonly lost: boolean;
  /** The files that are being written, and wait until they are at rest: those of which nothing was carried over since. */
  readonly resting: readonly Key[];
  /** The last round left something that is looked at again. */
  readonly leftover: boolean;
  readonly pollEveryMs: DurationMs | undefined;
  /** Of what changes at the remote; undefined: it has none. */
  readonly feed: FeedView | undefined;
  readonly watcher: Watcher | undefined;
}

export interface Activity {
  readonly step: "full" | "dirty";
  readonly startedAt: EpochMs;
  /** Undefined: it waits for its turn among the mappings. */
  readonly progress: Progress | undefined;
  readonly queued: boolean;
}

export interface MappingLoop {
  readonly mapping: MappingConfig;
  state(): LoopView;
  isPaused(): boolean;
  /** Whether the remote tells it of all changes, so that it need not poll. */
  isFed(): boolean;
  /** The last full round. */
  lastFullRound(): RoundReport | undefined;
  /** Looks at everything as soon as it can, also in a backoff. Resolves with that round's report; rejects with what it
   * failed with, AppError `interrupted` if the mapping is stopped first, or `paused` if it is paused. */
  sync(): Promise<RoundReport>;
  /** As {@link MappingRounds.approve}; the plan runs with the next full round. */
  approve(plan: string): boolean;
  /** Begins nothing any more until it is resumed. Resolves when nothing runs: what runs may end by itself until `deadline` resolves;
   * then it is broken off. */
  pause(pause: Pause, deadline: Promise<void>): Promise<void>;
  /** Looks at everything, whatever happened meanwhile. */
  resume(): void;
  /** Its conflicts: they may be looked at beside a round. */
  readonly conflicts: Pick<MappingRounds, "conflicts" | "conflict">;
  /** As {@link MappingRounds.resolve}, between rounds. Rejects as well with AppError `paused` and `interrupted`, as `sync` does. */
  resolve(choice: ResolveChoice): Promise<Resolved>;
  /** The plan that it was held with was discarded. */
  discarded(): void;
  /** Resolves when nothing runs any more. What runs may end by itself until `deadline` resolves; then it is broken off. */
  stop(deadline: Promise<void>): Promise<void>;
  /** Settles when the loop has ended; rejects with a bug. */
  readonly ended: Promise<void>;
}
