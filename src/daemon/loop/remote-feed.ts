// The change feed of one mapping's remote, where its server offers one: asked for, lost, asked for again, and whether it stands in for
// polling now. What it tells is kept in told-changes.ts.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { type FeedEvent, followChanges } from "../../kv/changes/follow-changes.ts";
import { SAFETY_LISTING_MS } from "../../mapping/feed-memory.ts";
import type { MappingRounds, Remote } from "../../mapping/round-port.ts";
import type { MappingEvent } from "../daemon-event.ts";
import { openToldChanges, type ToldChanges, type ToldSchedule } from "./told-changes.ts";

export interface RemoteFeedDeps {
  readonly clock: Clock;
  readonly rounds: Pick<MappingRounds, "keyOf" | "cursor" | "keepCursor">;
  readonly pollIntervalMs: DurationMs;
  readonly onEvent: (event: MappingEvent) => void;
  /** There is something new to go by. */
  readonly wake: () => void;
}

export interface FeedView {
  readonly isUp: boolean;
  /** Since when it is, or is not. */
  readonly since: EpochMs;
}

interface FeedSchedule extends ToldSchedule {
  /** The feed was lost, and may soon be back: until then nobody polls in its place. */
  readonly pollFrom: MonotonicMs | undefined;
}

/** How long a round waits for the feed to begin, so that what it looks at is what the feed goes on from. */
const BEGIN_MS_MAX: DurationMs = 3000;
/** So long a lost feed is not stood in for: most are back by then. Daemons that lost it together do not poll together. */
const POLL_GRACE_MS: DurationMs = 5000;
/** A server that refuses the feed is asked again after this. */
const REFUSED_MS: DurationMs = 300_000;
/** The cursor moves past what is none of the mapping's business no more often. */
const KEEP_INTERVAL_MS: DurationMs = 10_000;

interface Following {
  readonly remote: Remote;
  readonly stop: AbortController;
  readonly over: Promise<void>;
  /** It has said something, or failed. */
  readonly begun: Promise<void>;
}

export class RemoteFeed {
  readonly told: ToldChanges;
  readonly #deps: RemoteFeedDeps;
  #following: Following | undefined;
  #refused: { readonly api: Remote["api"]; readonly until: MonotonicMs; readonly reason: string } | undefined;
  /** That the last round reached. */
  #remote: Remote | undefined;
  #wasAsked = false;
  #view: FeedView | undefined;
  #pollFrom: MonotonicMs | undefined;
  /** Daemons that the server fed at the same time do not list at the same time. */
  #listEveryMs: DurationMs = SAFETY_LISTING_MS;
  #bug: { readonly error: unknown } | undefined;

  constructor(deps: RemoteFeedDeps) {
    this.#deps = deps;
    this.told = openToldChanges(deps);
  }

  /** Undefined: there is none. */
  get view(): FeedView | undefined {
    return this.#view;
  }

  /** Whether all that changes is told, and all that was told before has been looked at, or will be. */
  get isFed(): boolean {
    return this.#view?.isUp === true && !this.told.isOwed;
  }

  /** How often all keys are listed nevertheless. */
  get listEveryMs(): DurationMs {
    return this.#listEveryMs;
  }

  schedule(): FeedSchedule {
    return { ...this.told.schedule(), pollFrom: this.#pollFrom };
  }

  /** Throws the bug that has ended it, if one has. */
  check(): void {
    if (this.#bug !== undefined) throw this.#bug.error;
  }

  /** Nothing is left to be done: keeps the cursor now and then, where nothing that was told was about this mapping. */
  idle(): void {
    this.told.keep(KEEP_INTERVAL_MS);
  }

  /** A round has reached the remote: asks for the feed, where it is offered and not asked for yet. Resolves when that has begun, or soon. */
  async reached(remote: Remote): Promise<void> {
    const { clock } = this.#deps;
    // The connection of the account that was renewed goes on where the old one was.
    if (this.#following !== undefined && this.#following.remote.api !== remote.api) await this.#end();
    if (this.#remote !== undefined && this.#remote.namespaceId !== remote.namespaceId) {
      await this.#end();
      this.told.lost(undefined);
    }
    this.#remote = remote;
    if (this.#following === undefined && this.#mayAsk(remote)) this.#start(remote);
    if (this.#following === undefined || this.#view?.isUp === true) return;
    const enough = new AbortController();
    const { begun } = this.#following;
    await Promise.race([begun, clock.sleep(BEGIN_MS_MAX, enough.signal).catch(() => {})]);
    enough.abort();
  }

  /** A round has ended well: its answers may have told, too late for it, that the feed is offered. */
  roundEnded(): void {
    if (this.#following === undefined && this.#remote !== undefined && this.#mayAsk(this.#remote))
      this.#start(this.#remote);
  }

  async close(): Promise<void> {
    this.#remote = undefined;
    await this.#end();
    try {
      this.told.keep(0);
    } catch (error) {
      // From where it was kept last, the server tells all of it once more.
      if (operationErrorOf(error) === undefined) throw error;
    }
  }

  #mayAsk({ api }: Remote): boolean {
    const { clock, rounds } = this.#deps;
    if (this.#refused?.api === api && clock.monotonic() < this.#refused.until) return false;
    // Who has a cursor was offered the feed before, and this server has not been heard yet.
    return api.offersChanges() || (!this.#wasAsked && rounds.cursor() !== undefined);
  }

  #start(remote: Remote): void {
    const stop = new AbortController();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    this.#wasAsked = true;
    const over = this.#follow(remote, stop.signal, begin)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) this.#bug = { error };
      })
      .finally(() => {
        if (this.#following?.stop === stop) this.#following = undefined;
        begin();
        this.#deps.wake();
      });
    this.#following = { remote, stop, over, begun };
  }

  async #follow({ api, namespaceId }: Remote, signal: AbortSignal, begin: () => void): Promise<void> {
    const { clock, rounds, wake } = this.#deps;
    const since = this.told.latest ?? rounds.cursor();
    let isFresh = since === undefined;
    for await (const event of followChanges({ clock, api }, namespaceId, { since, signal })) {
      this.#take(event, api, isFresh);
      if (event.kind === "ready") isFresh = false;
      begin();
      wake();
    }
  }

  #take(event: FeedEvent, api: Remote["api"], isFresh: boolean): void {
    const { rounds, onEvent } = this.#deps;
    switch (event.kind) {
      case "ready":
        // What changed before is not told.
        if (isFresh) this.told.lost(event.cursor);
        else this.told.told(event.cursor, []);
        return this.#isUp();
      case "reset":
        this.told.lost(event.cursor);
        onEvent({ kind: "feed-reset", reason: event.reason });
        return this.#isUp();
      case "changed": {
        const keys = event.keys.flatMap((name) => rounds.keyOf(name) ?? []);
        return this.told.told(event.cursor, keys);
      }
      case "gone":
        this.told.lost(undefined);
        return void this.#isDown();
      case "lost": {
        const { error, retryInMs } = event;
        if (this.#isDown()) onEvent({ kind: "feed-lost", reason: error.message, hint: error.hint, retryInMs });
        return;
      }
      case "ended":
        return this.#isRefused(api, event.error);
    }
  }

  #isUp(): void {
    const { clock, onEvent } = this.#deps;
    this.#pollFrom = undefined;
    if (this.#view?.isUp === true) return;
    if (this.#view === undefined) this.#listEveryMs = SAFETY_LISTING_MS * (0.9 + 0.2 * clock.random());
    onEvent({ kind: "feed-up", isBack: this.#view !== undefined });
    this.#view = { isUp: true, since: clock.now() };
  }

  /** False: it was not up. */
  #isDown(): boolean {
    const { clock } = this.#deps;
    if (this.#view?.isUp !== true) return false;
    this.#view = { isUp: false, since: clock.now() };
    this.#pollFrom = (clock.monotonic() + POLL_GRACE_MS * (1 + clock.random())) as MonotonicMs;
    return true;
  }

  /** It is not asked for again before long: told once for each reason. */
  #isRefused(api: Remote["api"], { message: reason, hint }: AppError): void {
    const { clock, onEvent } = this.#deps;
    const isNew = this.#isDown() || this.#refused?.reason !== reason;
    this.#refused = { api, until: (clock.monotonic() + REFUSED_MS) as MonotonicMs, reason };
    this.#view = undefined;
    // It is not soon back.
    this.#pollFrom = (clock.monotonic() + POLL_GRACE_MS * clock.random()) as MonotonicMs;
    if (isNew) onEvent({ kind: "feed-lost", reason, hint, retryInMs: undefined });
  }

  async #end(): Promise<void> {
    const ending = this.#following;
    ending?.stop.abort();
    await ending?.over;
    this.#isDown();
  }
}
