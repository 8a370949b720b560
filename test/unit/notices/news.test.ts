// What is news, and when it is told: a target of notices over hours, by a clock that the test moves.

import { beforeEach, describe, expect, it } from "vitest";
import type { DurationMs, EpochMs, MonotonicMs } from "../../../src/core/clock.ts";
import {
  happen,
  keepNews,
  look,
  lose,
  type News,
  type NewsRules,
  NO_NEWS,
  recallNews,
  take,
  type Told,
  untell,
} from "../../../src/notices/news.ts";
import type { NoticeItem } from "../../../src/notices/notice.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_800_000_000_000;
const ALL: NewsRules = {
  on: new Set(["held", "failing", "conflict", "recovered", "backup-old"]),
  failingAfterMs: 10 * MINUTE,
  gatherMs: 30 * SECOND,
};

let at = 0;
let news: News = NO_NEWS;
let rules = ALL;
/** What stands, by mapping. */
let standing = new Map<string, "held" | "failing" | "unknown" | "well">();
let sent: { readonly at: DurationMs; readonly items: readonly string[] }[] = [];
let lastTold: Told;

beforeEach(() => {
  at = 0;
  news = NO_NEWS;
  rules = ALL;
  standing = new Map();
  sent = [];
});

const moment = () => ({ wall: (START + at) as EpochMs, now: at as MonotonicMs });

function item(event: NoticeItem["event"], mapping: string, more: Partial<NoticeItem> = {}): NoticeItem {
  const nothing = { backup: null, account: null, hint: null, command: null, again: false };
  return { ...nothing, event, mapping, since: (START + at) as EpochMs, message: "it is so", ...more };
}

function see(): void {
  const sightings = new Map<string, NoticeItem | "well" | "unknown">();
  for (const mapping of ["a", "b", ...standing.keys()]) {
    const state = standing.get(mapping);
    for (const event of ["held", "failing"] as const) {
      const id = `${event} mapping ${mapping}`;
      const before = news.troubles.get(id)?.item;
      if (state === "unknown") sightings.set(id, "unknown");
      else sightings.set(id, state === event ? (before ?? item(event, mapping)) : "well");
    }
  }
  news = look(news, sightings, rules, moment());
  const taken = take(news, rules, moment());
  ({ news } = taken);
  if (taken.items.length === 0) return;
  lastTold = taken.told;
  sent.push({
    at,
    items: taken.items.map(({ event, mapping, again, was }) =>
      [...(again ? ["still"] : []), event, ...(was === undefined ? [] : [was]), mapping].join(" "),
    ),
  });
}

/** Looks each 10 s. */
function pass(duration: DurationMs): void {
  for (const end = at + duration; at < end; at += 10 * SECOND) see();
  see();
}

const told = (): readonly string[] => sent.flatMap(({ items }) => items);

describe("trouble", () => {
  it("that is a hold is told when the time to gather is over, and once", () => {
    standing.set("a", "held");
    pass(20 * SECOND);
    expect(sent).toEqual([]);
    pass(23 * HOUR);
    expect(sent).toEqual([{ at: 30 * SECOND, items: ["held a"] }]);
  });

  it("that comes within the time to gather is one message", () => {
    standing.set("a", "held");
    pass(20 * SECOND);
    standing.set("b", "held");
    pass(HOUR);
    expect(sent.map(({ items }) => items)).toEqual([["held a", "held b"]]);
  });

  it("that is a failure is told when it has lasted long enough", () => {
    standing.set("a", "failing");
    pass(9 * MINUTE);
    expect(sent).toEqual([]);
    pass(3 * MINUTE);
    expect(sent).toEqual([{ at: 10 * MINUTE + 30 * SECOND, items: ["failing a"] }]);
  });

  it("that ends before it was told is told to nobody, nor is its end", () => {
    standing.set("a", "failing");
    pass(9 * MINUTE);
    standing.delete("a");
    pass(HOUR);
    expect(sent).toEqual([]);
  });

  it("that lasts is told again once a day, all of it together", () => {
    standing.set("a", "held");
    pass(HOUR);
    standing.set("b", "held");
    pass(3 * DAY);
    expect(told().filter((line) => line.startsWith("still"))).toEqual([
      "still held a",
      "still held a",
      "still held b",
      "still held a",
      "still held b",
    ]);
    const days = sent.filter(({ items }) => items[0]!.startsWith("still"));
    expect(days).toHaveLength(3);
  });

  it("that is over is told to be over, once, when it has been for minutes", () => {
    standing.set("a", "held");
    pass(HOUR);
    standing.delete("a");
    pass(4 * MINUTE);
    expect(told()).toEqual(["held a"]);
    pass(DAY);
    expect(told()).toEqual(["held a", "recovered held a"]);
  });

  it("that comes and goes each minute is one that lasts, told once, and its end once", () => {
    for (let minute = 0; minute < 120; minute++) {
      if (minute % 2 === 0) standing.set("a", "failing");
      else standing.delete("a");
      pass(MINUTE);
    }
    standing.delete("a");
    pass(2 * HOUR);
    expect(told()).toEqual(["failing a", "recovered failing a"]);
  });

  it("of a kind that nobody asked for is not told, nor its end", () => {
    rules = { ...ALL, on: new Set(["held", "recovered"]) };
    standing.set("a", "failing").set("b", "held");
    pass(HOUR);
    standing.clear();
    pass(HOUR);
    expect(told()).toEqual(["held b", "recovered held b"]);
  });

  it("whose end nobody asked for is forgotten when it is over, and told anew the next time", () => {
    rules = { ...ALL, on: new Set(["held"]) };
    standing.set("a", "held");
    pass(HOUR);
    standing.clear();
    pass(HOUR);
    standing.set("a", "held");
    pass(HOUR);
    expect(told()).toEqual(["held a", "held a"]);
  });

  it("that nobody could be told is news again", () => {
    standing.set("a", "held");
    pass(MINUTE);
    news = untell(news, lastTold, rules, moment());
    pass(HOUR);
    expect(told()).toEqual(["held a", "held a"]);
  });
});

describe("a message that is lost", () => {
  const end = (): void => {
    standing.set("a", "held");
    pass(HOUR);
    standing.clear();
    pass(10 * MINUTE);
    expect(told()).toEqual(["held a", "recovered held a"]);
  };

  it("and was given up has its ends, and what happened, told anew", () => {
    end();
    news = untell(news, lastTold, rules, moment());
    pass(HOUR);
    expect(told()).toEqual(["held a", "recovered held a", "recovered held a"]);
    news = happen(news, "settled mapping a", item("conflict", "a", { count: 1, keys: ["x"] }), rules, moment());
    pass(2 * HOUR);
    news = untell(news, lastTold, rules, moment());
    pass(2 * HOUR);
    expect(told().slice(3)).toEqual(["conflict a", "conflict a"]);
  });

  it("and was refused has its ends told with the next one, and not before", () => {
    end();
    news = lose(news, lastTold);
    pass(DAY);
    expect(told()).toHaveLength(2);
    standing.set("b", "held");
    pass(HOUR);
    expect(told().slice(2).toSorted()).toEqual(["held b", "recovered held a"]);
  });

  it("and was refused has its ends told after a restart", () => {
    end();
    news = lose(news, lastTold);
    news = recallNews(keepNews(news, moment()), moment());
    pass(HOUR);
    expect(told().slice(2)).toEqual(["recovered held a"]);
  });
});

describe("after a restart", () => {
  const restart = (): void => {
    news = recallNews(JSON.parse(JSON.stringify(keepNews(news, moment()))) as ReturnType<typeof keepNews>, moment());
  };

  it("what was told is not told again, and its end is", () => {
    standing.set("a", "held");
    pass(HOUR);
    restart();
    pass(HOUR);
    standing.delete("a");
    pass(HOUR);
    expect(told()).toEqual(["held a", "recovered held a"]);
  });

  it("nothing counts as over before it was looked at", () => {
    standing.set("a", "failing");
    pass(HOUR);
    restart();
    standing.set("a", "unknown");
    pass(2 * HOUR);
    expect(told()).toEqual(["failing a"]);
    standing.set("a", "failing");
    pass(HOUR);
    expect(told()).toEqual(["failing a"]);
  });

  it("what fails is told when it has failed for long enough, however often the daemon is restarted", () => {
    const since = (START + at) as EpochMs;
    for (let boot = 0; boot < 24; boot++) {
      for (const end = at + 5 * MINUTE; at < end; at += 10 * SECOND) {
        news = look(news, new Map([["failing mapping a", item("failing", "a", { since })]]), rules, moment());
        const taken = take(news, rules, moment());
        ({ news } = taken);
        if (taken.items.length > 0) sent.push({ at, items: taken.items.map(({ event }) => event) });
      }
      restart();
    }
    expect(sent).toEqual([{ at: 10 * MINUTE + 30 * SECOND, items: ["failing"] }]);
  });

  it("what is gone from the config is forgotten without a word", () => {
    standing.set("c", "held");
    pass(HOUR);
    restart();
    standing.delete("c");
    pass(HOUR);
    expect(told()).toEqual(["held c"]);
    expect(news.troubles.size).toBe(0);
  });

  it("with less that is asked for, what is no longer is not told of again, nor its end", () => {
    standing.set("a", "held").set("b", "failing");
    pass(HOUR);
    news = happen(news, "settled mapping a", item("conflict", "a", { count: 1, keys: ["x"] }), rules, moment());
    restart();
    rules = { ...ALL, on: new Set(["failing", "recovered"]) };
    sent = [];
    pass(2 * DAY);
    standing.clear();
    pass(HOUR);
    expect(new Set(told())).toEqual(new Set(["still failing b", "recovered failing b"]));
  });

  it("a clock that was wrong does not hush what lasts", () => {
    standing.set("a", "held");
    pass(MINUTE);
    const { told: troubles, ...rest } = keepNews(news, moment());
    const [id, entry] = Object.entries(troubles)[0]!;
    const future = { [id]: { ...entry, toldAt: (START + 400 * DAY) as EpochMs } };
    news = recallNews({ ...rest, told: future }, moment());
    pass(MINUTE);
    expect(told()).toEqual(["held a", "still held a"]);
  });
});

describe("conflicts that were settled", () => {
  const conflict = (...keys: readonly string[]): void => {
    news = happen(news, "settled mapping a", item("conflict", "a", { count: keys.length, keys }), rules, moment());
  };

  it("are told together, each key once, and not again", () => {
    conflict("x", "y");
    conflict("y", "z");
    pass(MINUTE);
    expect(told()).toEqual(["conflict a"]);
    conflict("x");
    expect(news.happened.get("settled mapping a")).toMatchObject({ count: 1, keys: ["x"] });
    pass(DAY);
    expect(told()).toEqual(["conflict a", "conflict a"]);
  });

  it("each minute of a day are a message an hour", () => {
    for (let minute = 0; minute < 24 * 60; minute++) {
      conflict(`k${minute}`);
      pass(MINUTE);
    }
    expect(sent.length).toBeLessThan(30);
  });
});

describe("a bad night", () => {
  it("of 100 failures and recoveries of 30 mappings in 8 hours is a few messages, and tells in the end how all stand", () => {
    let seed = 7;
    const chance = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const failures = Array.from({ length: 100 }, (_, i) => ({
      mapping: `m${i % 30}`,
      from: chance() * 8 * HOUR,
      for: chance() * 40 * MINUTE,
    }));
    for (; at < 12 * HOUR; at += 10 * SECOND) {
      const failing = failures.filter((each) => at >= each.from && at < each.from + each.for);
      standing = new Map(failing.map(({ mapping }) => [mapping, "failing"]));
      for (let i = 0; i < 30; i++) if (!standing.has(`m${i}`)) standing.set(`m${i}`, "well");
      see();
    }
    const minutes = sent.map((message) => Math.round(message.at / MINUTE));
    const totals = sent.map(({ items }) => items.length);
    expect(minutes).toMatchInlineSnapshot(`
      [
        11,
        30,
        38,
        70,
        130,
        190,
        250,
        310,
        370,
        430,
        490,
        550,
      ]
    `);
    expect(totals).toMatchInlineSnapshot(`
      [
        1,
        1,
        4,
        7,
        5,
        4,
        4,
        4,
        4,
        5,
        4,
        1,
      ]
    `);
    const begun = told()
      .filter((line) => line.startsWith("failing"))
      .toSorted();
    const ended = told()
      .filter((line) => line.startsWith("recovered"))
      .toSorted();
    expect(ended).toEqual(begun.map((line) => `recovered ${line}`));
  });
});
