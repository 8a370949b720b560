// The server's limits over time, while the machine's clock is set.

import { describe, expect, it } from "vitest";
import { rateLimit } from "../../../src/server/rate-limit.ts";
import { usageLimits } from "../../../src/server/usage-limits.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe.each([-86_400_000, 86_400_000])("with the clock set by %i ms", (jump) => {
  it("a window of the rate limit lasts as long as it is", async () => {
    const clock = new FakeClock();
    const ask = rateLimit({ requests: 1, windowSeconds: 60 }, clock);
    ask("a");
    clock.jump(jump);
    expect(ask("a").retryAfterSeconds).toBe(60);
    await clock.advance(60_000);
    expect(ask("a").retryAfterSeconds).toBeUndefined();
  });

  it("one key may be written once a second", async () => {
    const clock = new FakeClock();
    const limits = usageLimits({ keyWriteInterval: true }, clock);
    limits.write("n", ["k"]);
    clock.jump(jump);
    expect(() => limits.write("n", ["k"])).toThrow();
    await clock.advance(1000);
    expect(() => limits.write("n", ["k"])).not.toThrow();
  });
});
