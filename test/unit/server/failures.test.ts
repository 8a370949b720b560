// What the server failed at is told, and not with each request.

import { expect, it } from "vitest";
import { failureWarner } from "../../../src/server/failures.ts";
import { StoreUnavailable } from "../../../src/server/store/store.ts";
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
