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
});
