// Two-way sync through simulated time, with two people who change the same keys, a server that fails, and a remote that lags
// up to a minute behind itself: no value is lost that kvsync could have known of, and both sides come to rest alike. Here
// for hours; `npm run simulate` runs months of it. SIMULATION_SEED repeats a run.

import { expect, it } from "vitest";
import { BAD_DAY, BUSY, HOUR, MINUTE, TwoWayWorld, type WorldOptions, type WorldReport } from "./two-way-world.ts";

const seed = Number(process.env["SIMULATION_SEED"] ?? Math.floor(Math.random() * 1_000_000));

async function live(hours: number, options: Omit<WorldOptions, "seed" | "habits">): Promise<WorldReport> {
  const world = new TwoWayWorld({ seed, habits: BUSY, ...options });
  try {
    await world.open();
    await world.run(hours * HOUR);
    return await world.settle();
  } finally {
    await world.close();
  }
}

it(
  `loses nothing, and comes to rest, while the remote lags a minute and fails, and the clock jumps (seed ${seed})`,
  { timeout: 240_000 },
  async () => {
    const report = await live(8, { lagMs: MINUTE, faults: BAD_DAY, jumpEveryMs: 3 * HOUR });
    expect(report).toMatchObject({ lost: [], apart: [], unrest: 0 });
    // It was put to the test.
    expect(report.written).toBeGreaterThan(120);
    expect(report.conflicts).toBeGreaterThan(0);
  },
);

it(`loses nothing without lag, and next to nothing unseen (seed ${seed})`, { timeout: 240_000 }, async () => {
  const report = await live(4, { lagMs: 0, faults: [] });
  expect(report).toMatchObject({ lost: [], apart: [], unrest: 0 });
  // Only what was written between kvsync's read of the key and its write.
  expect(report.unseen.length).toBeLessThanOrEqual(3);
});

it.each(["keep-both", "hold"] as const)(
  `loses nothing while a person decides conflicts each way, and pauses now and then: conflict %s (seed ${seed})`,
  { timeout: 240_000 },
  async (conflict) => {
    const decides = { decideEveryMs: 10 * MINUTE, mapping: { conflict } };
    const report = await live(4, { lagMs: MINUTE, faults: BAD_DAY, ...decides });
    expect(report).toMatchObject({ lost: [], unrest: 0 });
    expect(report.decided).toBeGreaterThan(0);
    // A conflict that waits is one that nobody has decided yet.
    if (conflict === "keep-both") expect(report.apart).toEqual([]);
  },
);
