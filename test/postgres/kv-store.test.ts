// The suite of the server's stores, over PostgreSQL.

import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { describeKvStore } from "../conformance/kv-store-suite.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { describePostgres, openStore } from "../support/postgres-fixture.ts";

describePostgres("over PostgreSQL", () => {
  describeKvStore("a database", async () => {
    const clock = new FakeClock();
    const store = await openStore({ clock: withOwnTimers(clock) });
    return { store, clock, close: async () => store.close() };
  });
});

/** Waits for the database take as long as they take. */
function withOwnTimers(clock: FakeClock): Clock {
  return {
    now: () => clock.now(),
    random: () => clock.random(),
    monotonic: () => systemClock.monotonic(),
    sleep: (duration, signal) => systemClock.sleep(duration, signal),
  };
}
