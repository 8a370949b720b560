// The scrub: values behind stamps are read, slowly, and one that is not what its stamp says is told.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import type { Key } from "../../../src/core/key.ts";
import { problem, type Problem } from "../../../src/core/problem.ts";
import { scrubIntervalMs } from "../../../src/core/scrub-interval.ts";
import { openScrubLoop } from "../../../src/daemon/loop/scrub-loop.ts";
import type { MappingRounds } from "../../../src/mapping/round-port.ts";
import type { ScrubStep } from "../../../src/mapping/scrub-step.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { call, MappingFixture } from "../../support/mapping-fixture.ts";
import { keyOf } from "../../support/values.ts";

const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;
const signal = new AbortController().signal;

describe("scrubIntervalMs", () => {
  it.each([
    [0, HOUR],
    [50, HOUR],
    [100_000, WEEK / 1000],
    [1_000_000, WEEK / 10_000],
    [1_000_000_000, 5000],
  ])("of %i keys is %i ms", (keys, intervalMs) => {
    expect(scrubIntervalMs(keys)).toBe(intervalMs);
  });
});

describe("a step", () => {
  let fixture: MappingFixture;

  beforeEach(async () => {
    fixture = new MappingFixture();
    await fixture.open();
  });

  afterEach(() => fixture.close());

  /** Twice, since a file that was hashed in the moment it changed is hashed once more. */
  async function settle(rounds: MappingRounds): Promise<void> {
    for (let i = 0; i < 2; i++) {
      await rounds.full(call);
      await fixture.clock.advance(HOUR);
    }
  }

  /** Another value under the metadata that is there: what a program does that edits values and copies the rest. */
  async function replaceKeepingStamp(key: string, content: string): Promise<void> {
    const id = await fixture.namespaceId();
    const metadata = JSON.stringify(await fixture.api.readMetadata(id, key as Key));
    const bytes = Buffer.from(content);
    await fixture.api.writeValue(id, key as Key, { byteLength: bytes.byteLength, chunks: () => [bytes] }, { metadata });
  }

  it("finds the value that a listing cannot tell from the one before, and finds it sound when it is written anew", async () => {
    fixture.writeMany(20);
    const rounds = fixture.rounds();
    expect(await rounds.scrub(signal)).toBeUndefined();
    await settle(rounds);
    await replaceKeepingStamp("k07", "other");
    expect((await rounds.full(call)).result.unchanged).toBe(20);
    const requests = await fixture.requests(async () => {
      const step = await rounds.scrub(signal);
      expect(step).toMatchObject({ after: undefined, keys: 20, problems: [{ code: "stale-read", subject: "k07" }] });
      expect(step?.sound).toHaveLength(19);
    });
    expect(requests).toMatchObject({ bulkGet: 1 });
    await fixture.put({ k07: "written anew" });
    await settle(rounds);
    expect((await rounds.scrub(signal))?.problems).toEqual([]);
  });

  it("goes on where the last one ended, also after a restart, and begins anew at the end", async () => {
    fixture.write(Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`k${String(i).padStart(3, "0")}`, "x"])));
    const rounds = fixture.rounds();
    await settle(rounds);
    expect((await rounds.scrub(signal))?.after).toBe("k099");
    await rounds.close();
    const again = fixture.rounds();
    await again.full(call);
    const steps = [await again.scrub(signal), await again.scrub(signal), await again.scrub(signal)];
    expect(steps.map((step) => step?.after)).toEqual(["k199", undefined, "k099"]);
    expect(steps.map((step) => step?.sound.length)).toEqual([100, 50, 100]);
  });

  it("leaves alone what was written a moment ago", async () => {
    fixture.writeMany(20);
    const rounds = fixture.rounds();
    await rounds.full(call);
    expect(await fixture.requests(() => rounds.scrub(signal))).toEqual({});
  });
});

describe("a scrub over time", () => {
  const lies = (key: string): Problem => problem("stale-read", key, "is not what its stamp says");

  it("takes a step now and then, tells each finding once, and forgets what is sound again", async () => {
    const clock = new FakeClock();
    const steps: (Partial<ScrubStep> | Error | undefined)[] = [
      undefined,
      { problems: [lies("a"), lies("b")] },
      new AppError("network", "unreachable"),
      { problems: [lies("a")] },
      { sound: [keyOf("a")] },
    ];
    const found: string[] = [];
    let taken = 0;
    const loop = openScrubLoop({
      clock,
      step: async () => {
        const step = steps[taken++];
        if (step instanceof Error) throw step;
        return step && { after: undefined, sound: [], problems: [], keys: 10, ...step };
      },
      onFound: (problems) => found.push(...problems.map(({ subject }) => subject)),
    });
    await clock.advance(HOUR * 4);
    expect(found).toEqual(["a", "b"]);
    expect(loop.problems()).toHaveLength(2);
    await clock.advance(HOUR);
    expect(loop.problems().map(({ subject }) => subject)).toEqual(["b"]);
    await loop.close();
    expect(clock.sleeping).toBe(0);
  });

  it("ends with a bug, and says so", async () => {
    const clock = new FakeClock();
    const loop = openScrubLoop({
      clock,
      step: () => Promise.reject(new TypeError("a bug")),
      onFound: () => {},
    });
    loop.ended.catch(() => {});
    await clock.advance(HOUR);
    await expect(loop.ended).rejects.toThrow("a bug");
  });
});
