// A few kills of one of two servers over one database, and one crash of that; `npm run simulate:servers` does many. SIMULATION_SEED repeats
// the moments.

import { expect, it } from "vitest";
import { liveKilledServers } from "../simulation/killed-servers.ts";
import { startCli } from "../support/cli.ts";
import { describePostgres } from "../support/postgres-fixture.ts";

const seed = Number(process.env["SIMULATION_SEED"] ?? Math.floor(Math.random() * 1_000_000));

describePostgres("two servers over one database", () => {
  it(
    `answer nothing wrong and lose nothing, though one is killed and the database crashes (seed ${seed})`,
    { timeout: 120_000 },
    async () => {
      const report = await liveKilledServers({
        seed,
        kills: 3,
        crashes: 1,
        clients: 4,
        liveMsMax: 1000,
        echoMs: 2000,
        startServe: (args) => startCli(["serve", ...args], { cwd: "/" }),
        tell: () => {},
      });
      expect(report.wrong).toEqual([]);
      expect([report.backMs.length, report.afterCrashMs.length]).toEqual([3, 1]);
      expect(report.requests.answered).toBeGreaterThan(100);
    },
  );
});
