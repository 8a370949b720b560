// Some seeds of backups, prunes and people at once on a store that lags; `npm run simulate:backups` does hundreds.
// SIMULATION_SEED repeats one.

import { expect, it } from "vitest";
import { liveAtOnce } from "./backups-at-once.ts";

const seed = Number(process.env["SIMULATION_SEED"] ?? Math.floor(Math.random() * 1_000_000));

it(
  `backups and prunes at once lose nothing that was reported as written (seeds from ${seed})`,
  { timeout: 240_000 },
  async () => {
    let [written, removed] = [0, 0];
    for (let each = seed; each < seed + 8; each++) {
      const report = await liveAtOnce(each);
      expect(report).toMatchObject({ seed: each, lost: [], failures: [] });
      written += report.written;
      removed += report.packsRemoved;
    }
    expect(written).toBeGreaterThan(10);
    expect(removed).toBeGreaterThan(10);
  },
);
