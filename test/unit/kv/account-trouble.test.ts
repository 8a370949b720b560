// When an account's API counts as one that does not answer, and when that is worth telling of.

import { beforeEach, expect, it } from "vitest";
import { type AccountTroubles, openAccountTroubles } from "../../../src/kv/account-trouble.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let clock: FakeClock;
let troubles: AccountTroubles;

beforeEach(() => {
  clock = new FakeClock();
  troubles = openAccountTroubles(clock);
});

it("trouble begins with a request that is sent again, and ends with a good answer", async () => {
  expect(troubles.retried("a", "connection refused")).toBe(true);
  await clock.advance(4000);
  troubles.answered("a", { status: 0 });
  troubles.answered("a", { status: 503 });
  expect(troubles.retried("a", "answered 503")).toBe(false);
  clock.jump(-86_400_000);
  expect(troubles.get("a")).toMatchObject({ reason: "answered 503", forMs: 4000 });
  expect(troubles.get("b")).toBeUndefined();
  await clock.advance(1000);
  expect(troubles.answered("a", { status: 200 })).toBe(5000);
  expect(troubles.get("a")).toBeUndefined();
  expect(troubles.answered("a", { status: 200 })).toBeUndefined();
});

it("trouble that comes and goes is told of once a minute", async () => {
  troubles.retried("a", "answered 500");
  troubles.answered("a", { status: 200 });
  expect(troubles.retried("a", "answered 500")).toBe(false);
  expect(troubles.get("a")).toBeDefined();
  expect(troubles.answered("a", { status: 404 })).toBeUndefined();
  await clock.advance(60_000);
  expect(troubles.retried("a", "answered 500")).toBe(true);
});

it("an account that sent too much is in no trouble: it waits", () => {
  troubles.answered("a", { status: 429 });
  expect(troubles.retried("a", "too many requests")).toBe(false);
  expect(troubles.get("a")).toBeUndefined();
});
