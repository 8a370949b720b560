// A few kills of the daemon; `npm run simulate:kills` does hundreds. SIMULATION_SEED repeats the people and the faults.

import { expect, it } from "vitest";
import { startCli } from "../support/cli.ts";
import { KILL_FAULTS, liveKilled } from "./killed-daemon.ts";

const seed = Number(process.env["SIMULATION_SEED"] ?? Math.floor(Math.random() * 1_000_000));

it(
  `killed with SIGKILL again and again, the daemon loses nothing and ends in step (seed ${seed})`,
  { timeout: 240_000 },
  async () => {
    const report = await liveKilled({
      seed,
      kills: 6,
      faults: { ...KILL_FAULTS, seed },
      start: (args, cwd) => startCli(args, { cwd }),
      tell: () => {},
    });
    expect(report).toMatchObject({ lost: [], unseen: [], apart: [] });
    expect(report.written).toBeGreaterThan(50);
  },
);
