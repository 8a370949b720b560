// One target of notices over time: what it is to be told, the message that is on its way, and what becomes of that. One message is under way at a
// time: what happens meanwhile waits, and the next message tells how things stand then. Nothing here ends the daemon, and no round waits for it.

import type { NotifyConfig } from "../../config/config.ts";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import type { NoticeTargets } from "../../journal/notice-targets.ts";
import { afterTry, type Waiting } from "../../notices/after-try.ts";
import { deliverNotice } from "../../notices/deliver-notice.ts";
import type { Delivery, DeliveryDeps } from "../../notices/delivery-types.ts";
import { encodeNotice, type Sender } from "../../notices/encode-notice.ts";
import {
  happen,
  keepNews,
  look,
  lose,
  nextAt,
  type News,
  type NewsMoment,
  NO_NEWS,
  recallNews,
  type Sightings,
  take,
  untell,
} from "../../notices/news.ts";
import type { NoticeItem } from "../../notices/notice.ts";
import { openNoticeMemory } from "../../notices/notice-memory.ts";
import type { NoticeStatus, Undelivered } from "../../notices/notice-status.ts";

export type NoticeEvent =
  | { readonly kind: "notice-sent"; readonly id: string; readonly items: number }
  | {
      readonly kind: "notice-failed";
      readonly id: string;
      readonly reason: string;
      readonly hint: string | undefined;
      /** Undefined: it is not sent again. */
      readonly retryInMs: DurationMs | undefined;
      /** It went well before. */
      readonly isNew: boolean;
    };

export interface NoticeTargetDeps {
  readonly clock: Clock;
  readonly config: NotifyConfig;
  readonly sender: Sender;
  readonly journal: NoticeTargets;
  /** All that a try needs besides the signal, which is this target's. */
  readonly delivery: Omit<DeliveryDeps, "signal">;
  readonly onEvent: (event: NoticeEvent) => void;
  readonly onBug: (error: unknown) => void;
}

export interface NoticeTargetLoop {
  readonly config: NotifyConfig;
  /** How things stand now. Returns at once. */
  see(sightings: Sightings): void;
  /** Something happened that does not last. */
  happened(id: string, item: NoticeItem): void;
  status(): NoticeStatus;
  /** When it wants to see how things stand; undefined: at any time. */
  nextAt(): MonotonicMs | undefined;
  /** A try that is under way is broken off: the next process makes it again, under the same id. */
  stop(): Promise<void>;
}

export function openNoticeTarget(deps: NoticeTargetDeps): NoticeTargetLoop {
  const { clock, config, sender, journal, delivery, onEvent, onBug } = deps;
  const { name } = config;
  const stopping = new AbortController();
  const memory = openNoticeMemory(journal, name);
  const kept = memory.recall();
  let news: News = kept === undefined ? NO_NEWS : recallNews(kept.news, { now: clock.monotonic() });
  let waiting: Waiting | null = kept?.waiting ?? null;
  let undelivered: Undelivered | null = kept?.undelivered ?? null;
  let sentAt = kept?.sentAt ?? null;
  let sending: Promise<void> | undefined;
  const counts = { sent: 0, failed: 0 };

  function save(): void {
    memory.save({ news: keepNews(news, momentOf()), waiting, undelivered, sentAt });
  }

  function momentOf(): NewsMoment {
    return { wall: clock.now(), now: clock.monotonic() };
  }

  function send(): void {
    if (sending !== undefined || waiting === null || stopping.signal.aborted) return;
    sending = deliver()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) onBug(error);
      })
      .finally(() => (sending = undefined));
  }

  async function deliver(): Promise<void> {
    while (waiting !== null) {
      const { signal } = stopping;
      const outcome = await deliverNotice(config, waiting, { ...delivery, signal });
      const retryInMs = ended(waiting, outcome);
      save();
      if (retryInMs !== undefined) await clock.sleep(retryInMs, signal);
    }
  }

  /** Returns after how long it is tried again; undefined: it is not. */
  function ended(notice: Waiting, outcome: Delivery): DurationMs | undefined {
    const { id, items } = notice;
    const isNew = undelivered === null;
    const after = afterTry(notice, outcome, { before: undelivered, now: clock.now(), random: clock.random() });
    ({ waiting, undelivered } = after);
    counts[outcome.kind === "delivered" ? "sent" : "failed"]++;
    if (outcome.kind === "delivered") {
      sentAt = clock.now();
      onEvent({ kind: "notice-sent", id, items });
      return undefined;
    }
    // What was refused is told again in a day, if it lasts; what was given up, as soon as may be.
    const told = { begun: notice.begun, ended: notice.ended ?? {}, happened: notice.happened ?? {} };
    if (after.isGivenUp) news = untell(news, told, config, momentOf());
    else if (outcome.kind === "refused") news = lose(news, told);
    const { reason, hint } = outcome;
    onEvent({ kind: "notice-failed", id, reason, hint, retryInMs: after.retryInMs, isNew });
    return after.retryInMs;
  }

  function tell(): void {
    if (waiting === null) {
      const moment = momentOf();
      const taken = take(news, config, moment);
      news = taken.news;
      if (taken.items.length > 0) {
        const { id, body } = encodeNotice(taken.items, { ...sender, target: name, at: moment.wall });
        waiting = { id, body, items: taken.items.length, ...taken.told, madeAt: moment.wall, attempts: 0 };
      }
    }
    save();
    send();
  }

  send();
  return {
    config,
    see: (sightings) => {
      news = look(news, sightings, config, momentOf());
      tell();
    },
    happened: (id, item) => {
      news = happen(news, id, item, config, momentOf());
      save();
    },
    status: () => ({
      target: name,
      kind: config.to.kind,
      sent: counts.sent,
      failed: counts.failed,
      waiting: waiting?.items ?? 0,
      lastSentAt: sentAt,
      undelivered,
    }),
    nextAt: () => (waiting === null ? nextAt(news, config) : undefined),
    stop: async () => {
      stopping.abort();
      await sending;
    },
  };
}
