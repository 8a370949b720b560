// What is asked of the database once more, and what is not.

import type pg from "pg";
import { expect, it } from "vitest";
import { openSessions } from "../../../../src/server/store/postgres/session.ts";
import { StoreUnavailable } from "../../../../src/server/store/store.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const STATEMENT = { name: "read", text: "SELECT 1" };

/** Answers each statement by the next of `answers`: an error's code, or a row. */
function open(answers: readonly (string | number)[]) {
  const asked: string[] = [];
  const left = [...answers];
  let discarded = 0;
  const client = {
    async query(query: string | { name?: string; text: string }) {
      const text = typeof query === "string" ? query : (query.name ?? "unnamed");
      asked.push(text);
      if (/^(BEGIN|ROLLBACK)/.test(text)) return {};
      if (text === "COMMIT" && typeof left[0] !== "string") return { command: "COMMIT" };
      const answer = left.shift();
      if (typeof answer === "string") throw Object.assign(new Error(`failed with ${answer}`), { code: answer });
      return { rows: [[answer]] };
    },
    getTransactionStatus: () => "I",
    release: (isBad?: boolean) => void (isBad === true && discarded++),
  };
  const clock = new FakeClock();
  const sessions = openSessions({
    size: 10,
    pool: { connect: async () => client } as unknown as pg.Pool,
    clock,
    log: () => undefined,
    closing: new AbortController().signal,
  });
  return { sessions, asked, clock, discarded: () => discarded };
}

it.each(["ECONNRESET", "57P01", "57P03", "08006", "40001", "40P01", "53300", "25006"])(
  "after %s a statement is asked again",
  async (code) => {
    const { sessions, clock, asked } = open([code, code, 7]);
    const answer = sessions.query(STATEMENT, []);
    await clock.advance(1000);
    expect(await answer).toEqual([[7]]);
    expect(asked).toEqual(["read", "read", "read"]);
  },
);

const WRITE = { name: "write", text: "INSERT", once: true } as const;

it.each(["ECONNRESET", "08006", "08007", "40003", "57P02"])(
  "after %s a write is not asked again: it may have been carried out",
  async (code) => {
    const { sessions, asked } = open([code, 7]);
    await expect(sessions.query(WRITE, [])).rejects.toThrow(StoreUnavailable);
    expect(asked).toEqual(["write"]);
  },
);

it.each(["57P01", "57P03", "40001", "40P01", "53300", "25006", "26000"])(
  "after %s a write is asked again: it was not carried out",
  async (code) => {
    const { sessions, clock, asked } = open([code, 7]);
    const answer = sessions.query(WRITE, []);
    await clock.advance(1000);
    expect(await answer).toEqual([[7]]);
    expect(asked).toHaveLength(2);
  },
);

it("a transaction that writes is run again if it ended before its COMMIT, and not after that", async () => {
  const { sessions, clock, asked } = open(["ECONNRESET", 1, "ECONNRESET", 2]);
  const done = sessions.atomically((session) => session.query(WRITE, [])).catch((error: unknown) => error);
  await clock.advance(1000);
  expect(await done).toBeInstanceOf(StoreUnavailable);
  expect(asked).toEqual(["BEGIN ISOLATION LEVEL READ COMMITTED", "write", ...asked.slice(0, 2), "COMMIT"]);
});

it("a transaction of which CockroachDB does not know whether it was done may have been done, over a connection that is good", async () => {
  const { sessions, clock, discarded } = open([1, "40003", 2]);
  const runs: boolean[] = [];
  const done = sessions.atomically(async (session, isRepeated) => {
    runs.push(isRepeated);
    await session.query(STATEMENT, []);
  });
  await clock.advance(1000);
  await done;
  expect([runs, discarded()]).toEqual([[false, true], 0]);
});

it.each(["22P02", "42601"])("after %s it is not: that is a fault of ours", async (code) => {
  const { sessions, asked } = open([code]);
  await expect(sessions.query(STATEMENT, [])).rejects.toMatchObject({ code });
  expect(asked).toHaveLength(1);
});

it("a connection that was lost is not used again", async () => {
  const { sessions, clock, discarded } = open(["ECONNRESET", 7]);
  const answer = sessions.query(STATEMENT, []);
  await clock.advance(1000);
  await answer;
  expect(discarded()).toBe(1);
});

it("ten seconds later it is given up", async () => {
  const { sessions, clock } = open(Array.from({ length: 1000 }, () => "ECONNREFUSED"));
  const answer = sessions.query(STATEMENT, []).catch((error: unknown) => error);
  await clock.advance(15_000);
  expect(await answer).toBeInstanceOf(StoreUnavailable);
});

it("names of statements are left out once a pooler has lost one", async () => {
  const { sessions, clock, asked } = open(["26000", 7, 8]);
  const answer = sessions.query(STATEMENT, []);
  await clock.advance(1000);
  expect(await answer).toEqual([[7]]);
  await sessions.query(STATEMENT, []);
  expect(asked).toEqual(["read", "unnamed", "unnamed"]);
});

it("a transaction is run again from its start, and told if it may have been done", async () => {
  const { sessions, clock, asked } = open([1, "40001", 2, "ECONNRESET", 3]);
  const runs: boolean[] = [];
  const done = sessions.atomically(async (session, isRepeated) => {
    runs.push(isRepeated);
    return (await session.query<[number]>(STATEMENT, []))[0]?.[0];
  });
  await clock.advance(1000);
  expect(await done).toBe(3);
  expect(runs).toEqual([false, false, true]);
  expect(asked.filter((text) => text === "ROLLBACK")).toHaveLength(1);
});
