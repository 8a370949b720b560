// The real clock keeps the contract of every Clock.

import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";

describe("a sleep by the real clock", () => {
  it("rejects with the reason of its signal when that is aborted, not with an error of its own", async () => {
    const stop = new AbortController();
    const reason = new Error("the token was refused");
    const slept = systemClock.sleep(60_000, stop.signal);
    stop.abort(reason);
    await expect(slept).rejects.toBe(reason);
  });

  it("rejects so, too, when it was aborted before", async () => {
    const reason = new Error("too late");
    await expect(systemClock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it("resolves when it is not", async () => {
    await expect(systemClock.sleep(0, new AbortController().signal)).resolves.toBeUndefined();
    await expect(systemClock.sleep(0)).resolves.toBeUndefined();
  });

  it("lasts when it is longer than a timer of Node can be: 30 days are not a millisecond", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const slept = systemClock.sleep(30 * 86_400_000, stop.signal);
    const first = await Promise.race([slept.catch(String), systemClock.sleep(100).then(() => "still asleep")]);
    expect(first).toBe("still asleep");
    stop.abort(reason);
    await expect(slept).rejects.toBe(reason);
  });
});

describe("monotonic time", () => {
  it("goes on as a sleep does", async () => {
    const before = systemClock.monotonic();
    await systemClock.sleep(30);
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(29);
  });
});
