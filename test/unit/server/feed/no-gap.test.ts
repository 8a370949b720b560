// Whoever follows the feed has in the end what the server has: two processes on one SQLite file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { startTestServer } from "../../../support/server.ts";
import { withNamespace } from "../kv-fixture.ts";
import { expectNoGap, steps } from "./followers.ts";

it("a follower of the feed has in the end what the server has, however often it is cut off", async () => {
  let runs = 0;
  const property = fc.asyncProperty(steps, async (given) => {
    const folder = mkdtempSync(join(tmpdir(), "kvsync-no-gap-"));
    const options = { database: join(folder, "kv.sqlite"), validate: false };
    const [one, two] = [await startTestServer(options), await startTestServer(options)];
    const id = await one.createNamespace("test");
    await expectNoGap([withNamespace(one, id), withNamespace(two, id)], given);
    await one.close();
    await two.close();
    rmSync(folder, { recursive: true });
    runs++;
  });
  await fc.assert(property, { numRuns: 8 });
  expect(runs).toBe(8);
}, 60_000);
