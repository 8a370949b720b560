// A few kills of an apply; `npm run simulate:apply` does many, of a large plan. SIMULATION_SEED repeats the moments.

import { expect, it } from "vitest";
import { startCli } from "../support/cli.ts";
import { liveKilledApply } from "./killed-apply.ts";

const seed = Number(process.env["SIMULATION_SEED"] ?? Math.floor(Math.random() * 1_000_000));

it.each([1, 2])(
  `killed with SIGKILL and run again, an apply of %i mappings does exactly the plan, and nothing twice (seed ${seed})`,
  { timeout: 240_000 },
  async (mappings) => {
    const report = await liveKilledApply({
      seed,
      changes: 2000,
      mappings,
      kills: 5,
      by: "apply",
      start: (args, cwd) => startCli(args, { cwd }),
      tell: () => {},
    });
    expect(report).toMatchObject({ wrong: [], sentAgain: [], onceMore: 12 });
    expect(report.kills).toBeGreaterThan(0);
    expect(report.answered).toBeGreaterThanOrEqual(2000);
  },
);
