import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { OpenAccount } from "../../../src/accounts/accounts.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { listAllNamespaces } from "../../../src/kv/list-all-namespaces.ts";
import { openMigrationFolder } from "../../../src/migration/migration-folder.ts";
import type { MigrationRecord } from "../../../src/migration/migration-record.ts";
import { undoMigration, type UndoneNamespace } from "../../../src/migration/undo-migration.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { startTestServer } from "../../support/server.ts";
import { openTestClient, TOKEN } from "../kv/client-fixture.ts";

it("waits out an API that is out of order for longer than its client waits", async () => {
  const { signal } = new AbortController();
  const stateDir = mkdtempSync(join(tmpdir(), "kvsync-undo-"));
  const clock = new HurriedClock({ now: Date.now() });
  const server = await startTestServer({ token: TOKEN, clock });
  const api = openTestClient(server.url, { clock });
  const { id, title } = await api.createNamespace("app", {});
  const journal = openScratchJournal();
  const record = {
    name: "move",
    startedAt: 1,
    asked: {},
    namespaces: [{ source: { id: "s", title }, destination: { id, title }, isNew: true, before: { archive: null } }],
  } as unknown as MigrationRecord;
  const undone: UndoneNamespace[] = [];
  const retried: string[] = [];
  // Eight attempts are the client's own.
  server.setFaults({ rules: [{ kind: "unavailable", operations: ["list"], first: 10 }] });
  await undoMigration(
    {
      clock,
      pair: { clock, journal, scratch: journal, stateDir },
      folder: openMigrationFolder(stateDir, "move"),
      destination: { name: "new", api, config: {} } as unknown as OpenAccount,
      settleWindowMs: 1000,
      dryRun: false,
      signal,
      onProblem: () => undefined,
      onRetry: ({ code }) => retried.push(code),
      onUndone: (one) => undone.push(one),
      onFailed: (_, error) => {
        throw error;
      },
    },
    record,
  );
  expect(retried).toHaveLength(1);
  expect(undone).toMatchObject([{ isDeleted: true, failed: 0 }]);
  expect(await listAllNamespaces(api, signal)).toEqual([]);
  journal.close();
  await server.close();
  rmSync(stateDir, { recursive: true, force: true });
});
