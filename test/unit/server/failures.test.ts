// What the server failed at is told, and not with each request.

import { expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import { failureWarner } from "../../../src/server/failures.ts";
import { openServer } from "../../../src/server/server.ts";
import { openSqliteStore } from "../../../src/server/store/sqlite/sqlite-store.ts";
import { type Store, StoreUnavailable } from "../../../src/server/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

it("says once a minute, for each reason, why requests fail", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const tell = failureWarner(clock, (line) => lines.push(line));
  const full = new StoreUnavailable("the database does not answer: could not extend file: No space left on device");
  for (let i = 0; i < 100; i++) tell(full);
  tell(new TypeError("a bug"));
  expect(lines).toEqual([
    `a request is answered with 503: ${full.message} (said once a minute)`,
    "a request is answered with 500: a bug (said once a minute)",
  ]);
  await clock.advance(61_000);
  tell(full);
  expect(lines).toHaveLength(3);
});

it.each([
  [true, "internal server error: database or disk is full"],
  [false, "internal server error"],
])("whoever asks is told by a server of its own process alone (%s)", async (tellsWhy, message) => {
  const store = await openSqliteStore(":memory:", systemClock);
  const transaction: Store["transaction"] = async () => {
    throw new Error("database or disk is full");
  };
  const failing: Store = { ...store, transaction };
  const server = await openServer({ clock: systemClock, database: failing, tellsWhy });
  const answer = await fetch(`${server.url}/accounts/a/storage/kv/namespaces`, {
    method: "POST",
    headers: { authorization: "Bearer any" },
    body: '{"title":"t"}',
  });
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ errors: [{ code: 10001, message }] });
  await server.close();
  await store.close();
});
