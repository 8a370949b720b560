// What is news to one target of notices, and when it is told. Pure: what stands now, what was told before and two clocks in, items out.
//
// - Trouble is told once, again at most once a day while it lasts, and its end once, if it was told and is over for good: what comes
//   and goes within a few minutes is one trouble that lasts.
// - What fails is news only when it has failed for `failing_after`; all else at once.
// - The first message waits for `gather`. While news keep coming, each message waits longer after the one before it, up to an hour,
//   and tells what stands then: what began and ended in between is told to nobody. With a `gather` of nothing nothing waits.
//
// Intervals go by the clock that nobody sets. Only when something was told last is remembered from one process to the next.

import type { NoticeEvent, NotifyConfig } from "../config/config.ts";
import type { DurationMs, EpochMs, MonotonicMs } from "../core/clock.ts";
import type { NoticeItem } from "./notice.ts";

/** What the present moment shows, by what it is about (`failing mapping app`): the trouble; "well"; or "unknown", where nothing can be
 * said yet, as of a mapping that has not been looked at since the start. What is not in it is gone from the config. */
export type Sightings = ReadonlyMap<string, NoticeItem | "well" | "unknown">;

interface Trouble {
  /** As it was last seen. */
  readonly item: NoticeItem;
  /** Or when it began, if that is known: a daemon that is restarted often tells of what fails, too. */
  readonly firstSeen: MonotonicMs;
  /** When it was last seen, or could not be told apart from that. */
  readonly lastSeen: MonotonicMs;
  readonly state: "present" | "unknown" | "absent" | "gone";
  /** Undefined: not yet. */
  readonly toldAt: EpochMs | undefined;
}

export interface News {
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** What happened and is over, as conflicts that were settled as the config says: by what it is about. */
  readonly happened: ReadonlyMap<string, NoticeItem>;
  /** What the receiver refused to be told, though nothing will tell of it again: it goes with the next message. */
  readonly lost: Told;
  /** When the troubles that last were told again. */
  readonly remindedAt: EpochMs | undefined;
  readonly lastSentAt: MonotonicMs | undefined;
  /** How many messages came close after one another. */
  readonly crowd: number;
  /** When what is news now is told; undefined: there is none. */
  readonly sendAt: MonotonicMs | undefined;
}

export type NewsRules = Pick<NotifyConfig, "on" | "failingAfterMs" | "gatherMs">;

export interface NewsMoment {
  readonly wall: EpochMs;
  readonly now: MonotonicMs;
}

const NOTHING_TOLD: Told = { begun: [], ended: {}, happened: {} };

export const NO_NEWS: News = {
  troubles: new Map(),
  happened: new Map(),
  lost: NOTHING_TOLD,
  remindedAt: undefined,
  lastSentAt: undefined,
  crowd: 0,
  sendAt: undefined,
};

/** What is back before this is over was never away. */
const CALM_MS_MAX: DurationMs = 300_000;
const REMIND_MS: DurationMs = 86_400_000;
/** The second message in a row waits for four times `gather` after the first, and so on. */
const CROWD_FACTOR = 4;
const CROWD_WAIT_MS_MAX: DurationMs = 3_600_000;
/** After so long without a message the next one is the first again. */
const CROWD_OVER_MS: DurationMs = 2 * CROWD_WAIT_MS_MAX;
const KEYS_KEPT_MAX = 20;

function calmMs({ failingAfterMs, gatherMs }: NewsRules): DurationMs {
  return Math.min(CALM_MS_MAX, Math.max(failingAfterMs, gatherMs));
}

/** What is known after a look at how things stand. */
export function look(news: News, sightings: Sightings, rules: NewsRules, moment: NewsMoment): News {
  const { now } = moment;
  const troubles = new Map<string, Trouble>();
  for (const [id, trouble] of news.troubles) {
    if (!isAskedFor(trouble.item, rules)) continue;
    const sighting = sightings.get(id);
    const isSeen = sighting !== undefined && sighting !== "well";
    const state =
      sighting === undefined ? "gone" : sighting === "well" ? "absent" : sighting === "unknown" ? "unknown" : "present";
    const next = { ...trouble, state, lastSeen: isSeen ? now : trouble.lastSeen } as const;
    // What was never told, and what is no more, ends without a word.
    const isOver = !isSeen && now - next.lastSeen >= calmMs(rules);
    if (isOver && (next.toldAt === undefined || state === "gone" || !rules.on.has("recovered"))) continue;
    troubles.set(id, typeof sighting === "object" ? { ...next, item: sighting } : next);
  }
  for (const [id, item] of sightings) {
    if (typeof item !== "object" || troubles.has(id) || !isAskedFor(item, rules)) continue;
    troubles.set(id, { item, firstSeen: beginOf(item, moment), lastSeen: now, state: "present", toldAt: undefined });
  }
  const happened = new Map([...news.happened].filter(([, item]) => isAskedFor(item, rules)));
  return scheduled({ ...news, troubles, happened }, rules, moment);
}

/** A time that is yet to come was written by a clock that was wrong. */
function beginOf({ since }: Pick<NoticeItem, "since">, { wall, now }: NewsMoment): MonotonicMs {
  return (now - Math.max(0, wall - (since ?? wall))) as MonotonicMs;
}

/** What was asked for may have been more before a reload or a restart: what is no longer is forgotten without a word. */
function isAskedFor({ event }: NoticeItem, { on }: NewsRules): boolean {
  return on.has(event as NoticeEvent);
}

/** Something happened that does not last. `item` tells of one time; several of one `id` are told together. */
export function happen(news: News, id: string, item: NoticeItem, rules: NewsRules, moment: NewsMoment): News {
  if (!isAskedFor(item, rules)) return news;
  const before = news.happened.get(id);
  const happened = new Map(news.happened).set(id, before === undefined ? item : together(before, item));
  return scheduled({ ...news, happened }, rules, moment);
}

function together(before: NoticeItem, item: NoticeItem): NoticeItem {
  const keys = [...new Set([...(before.keys ?? []), ...(item.keys ?? [])])];
  const repeated = (before.keys ?? []).length + (item.keys ?? []).length - keys.length;
  const count = (before.count ?? 0) + (item.count ?? 0) - repeated;
  return { ...item, since: before.since, count, keys: keys.slice(0, KEYS_KEPT_MAX) };
}

function scheduled(news: News, rules: NewsRules, moment: NewsMoment): News {
  if (!hasNews(news, rules, moment)) return { ...news, sendAt: undefined };
  if (news.sendAt !== undefined) return news;
  const { now } = moment;
  const { lastSentAt } = news;
  const isFirst = lastSentAt === undefined || now - lastSentAt >= CROWD_OVER_MS;
  const crowd = isFirst ? 0 : news.crowd;
  const soonest = now + rules.gatherMs;
  const sendAt = isFirst ? soonest : Math.max(soonest, lastSentAt + crowdWaitMs(crowd, rules));
  return { ...news, crowd, sendAt: sendAt as MonotonicMs };
}

function crowdWaitMs(crowd: number, { gatherMs }: NewsRules): DurationMs {
  return Math.min(Math.max(CROWD_WAIT_MS_MAX, gatherMs), gatherMs * CROWD_FACTOR ** crowd);
}

function hasNews(news: News, rules: NewsRules, moment: NewsMoment): boolean {
  if (news.happened.size > 0) return true;
  for (const trouble of news.troubles.values()) if (isNews(trouble, news, rules, moment)) return true;
  return false;
}

function isNews(trouble: Trouble, news: News, rules: NewsRules, moment: NewsMoment): boolean {
  return isBegun(trouble, rules, moment) || isEnded(trouble, rules, moment) || isToRemind(trouble, news, moment);
}

function isBegun(
  { item, state, firstSeen, toldAt }: Trouble,
  { failingAfterMs }: NewsRules,
  { now }: NewsMoment,
): boolean {
  if (toldAt !== undefined || state !== "present") return false;
  return item.event !== "failing" || now - firstSeen >= failingAfterMs;
}

function isEnded({ state, lastSeen, toldAt }: Trouble, rules: NewsRules, { now }: NewsMoment): boolean {
  return toldAt !== undefined && state === "absent" && now - lastSeen >= calmMs(rules);
}

/** A time that is yet to come was written by a clock that was wrong. */
function isToRemind({ state, toldAt }: Trouble, { remindedAt }: News, { wall }: NewsMoment): boolean {
  const isLongAgo = (at: EpochMs): boolean => Math.abs(wall - at) >= REMIND_MS;
  return (
    state === "present" &&
    toldAt !== undefined &&
    isLongAgo(toldAt) &&
    (remindedAt === undefined || isLongAgo(remindedAt))
  );
}

/** What one message tells besides reminders, as plain data: it is news again if that message is lost. */
export interface Told {
  /** Troubles that are told for the first time. */
  readonly begun: readonly string[];
  /** Troubles that are over, by what they are about. */
  readonly ended: Readonly<Record<string, Ended>>;
  readonly happened: Readonly<Record<string, NoticeItem>>;
}

interface Ended {
  readonly item: NoticeItem;
  readonly toldAt: EpochMs;
  readonly endedAt: EpochMs;
}

export interface Taken {
  readonly news: News;
  readonly items: readonly NoticeItem[];
  readonly told: Told;
}

/** What is to be told now, and counts as told from now on. Empty before `sendAt`. */
export function take(news: News, rules: NewsRules, moment: NewsMoment): Taken {
  const { now } = moment;
  if (news.sendAt === undefined || now < news.sendAt) return { news, items: [], told: NOTHING_TOLD };
  return takeAll(withLost(news, moment), rules, moment);
}

function takeAll(news: News, rules: NewsRules, moment: NewsMoment): Taken {
  const { now, wall } = moment;
  const items = [...news.happened.values()];
  const begun: string[] = [];
  const ended: Record<string, Ended> = {};
  const troubles = new Map(news.troubles);
  let { remindedAt } = news;
  for (const [id, trouble] of news.troubles) {
    if (isBegun(trouble, rules, moment)) begun.push(id);
    else if (isToRemind(trouble, news, moment)) remindedAt = wall;
    else if (!isEnded(trouble, rules, moment)) continue;
    if (trouble.state === "absent") {
      items.push(recovered(trouble, moment));
      if (trouble.toldAt !== undefined)
        ended[id] = { item: trouble.item, toldAt: trouble.toldAt, endedAt: endOf(trouble, moment) };
      troubles.delete(id);
      continue;
    }
    items.push({ ...trouble.item, again: trouble.toldAt !== undefined });
    troubles.set(id, { ...trouble, toldAt: wall });
  }
  const next = {
    ...news,
    troubles,
    happened: new Map(),
    remindedAt,
    lost: NOTHING_TOLD,
    lastSentAt: now,
    crowd: news.crowd + 1,
    sendAt: undefined,
  };
  return { news: next, items, told: { begun, ended, happened: Object.fromEntries(news.happened) } };
}

/** What was told in vain is news again. */
export function untell(news: News, told: Told, rules: NewsRules, moment: NewsMoment): News {
  return scheduled(withTold(news, told, moment), rules, moment);
}

/** The receiver does not want it now. What lasts is told again in a day; what is over, with the next news. */
export function lose(news: News, { ended, happened }: Told): News {
  return { ...news, lost: { begun: [], ended, happened } };
}

function withLost(news: News, moment: NewsMoment): News {
  return withTold({ ...news, lost: NOTHING_TOLD }, news.lost, moment);
}

function withTold(news: News, { begun, ended, happened }: Told, { wall, now }: NewsMoment): News {
  const troubles = new Map(news.troubles);
  for (const id of begun) {
    const trouble = troubles.get(id);
    if (trouble !== undefined) troubles.set(id, { ...trouble, toldAt: undefined });
  }
  for (const [id, { item, toldAt, endedAt }] of Object.entries(ended)) {
    // To the receiver what is back was never away.
    const lastSeen = beginOf({ since: endedAt }, { wall, now });
    const trouble = troubles.get(id) ?? { item, firstSeen: lastSeen, lastSeen, state: "absent" };
    troubles.set(id, { ...trouble, toldAt });
  }
  const all = new Map(news.happened);
  for (const [id, item] of Object.entries(happened)) {
    const later = all.get(id);
    all.set(id, later === undefined ? item : together(item, later));
  }
  return { ...news, troubles, happened: all };
}

const ENDS: Readonly<Record<NoticeEvent, string>> = {
  held: "no longer on hold",
  failing: "no longer failing",
  conflict: "no conflict waits any more",
  recovered: "",
  "backup-old": "complete again",
};

/** When it was seen last; how long ago, the clock that nobody sets can tell. */
function endOf({ lastSeen }: Trouble, { wall, now }: NewsMoment): EpochMs {
  return (wall - (now - lastSeen)) as EpochMs;
}

function recovered(trouble: Trouble, moment: NewsMoment): NoticeItem {
  const { item } = trouble;
  const { mapping, backup, account, since } = item;
  const was = item.event as NoticeEvent;
  const endedAt = endOf(trouble, moment);
  return {
    event: "recovered",
    mapping,
    backup,
    account,
    since: endedAt,
    message: ENDS[was],
    hint: null,
    command: null,
    again: false,
    was,
    ...(since !== null && { lastedMs: Math.max(0, endedAt - since) }),
  };
}

/** What is to be known after a restart, as plain data. */
export interface KeptNews {
  readonly told: Readonly<Record<string, { readonly item: NoticeItem; readonly toldAt: EpochMs }>>;
  readonly happened: Readonly<Record<string, NoticeItem>>;
  readonly remindedAt: EpochMs | null;
}

/** What was lost is told after a restart or with a changed config: its receiver may take it then. */
export function keepNews(news: News, moment: NewsMoment): KeptNews {
  const { troubles, happened, remindedAt } = withLost(news, moment);
  const told = [...troubles].flatMap(([id, { item, toldAt }]) =>
    toldAt === undefined ? [] : [[id, { item, toldAt }] as const],
  );
  return { told: Object.fromEntries(told), happened: Object.fromEntries(happened), remindedAt: remindedAt ?? null };
}

/** Nothing is known of how things stand: what was told lasts until it is seen to be over. */
export function recallNews({ told, happened, remindedAt }: KeptNews, { now }: Pick<NewsMoment, "now">): News {
  const troubles = Object.entries(told).map(
    ([id, { item, toldAt }]) => [id, { item, toldAt, firstSeen: now, lastSeen: now, state: "unknown" }] as const,
  );
  return {
    ...NO_NEWS,
    troubles: new Map(troubles),
    happened: new Map(Object.entries(happened)),
    remindedAt: remindedAt ?? undefined,
  };
}

/** When the next look can find news that nothing else announces; undefined: nobody knows. */
export function nextAt({ troubles, sendAt }: News, rules: NewsRules): MonotonicMs | undefined {
  if (sendAt !== undefined) return sendAt;
  const times = [...troubles.values()].flatMap(({ state, toldAt, firstSeen, lastSeen }) => {
    if (state === "present") return toldAt === undefined ? [firstSeen + rules.failingAfterMs] : [];
    return state === "unknown" ? [] : [lastSeen + calmMs(rules)];
  });
  return times.length === 0 ? undefined : (Math.min(...times) as MonotonicMs);
}
