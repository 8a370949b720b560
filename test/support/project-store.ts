// Where a server keeps its data in a vitest project that says so by KVSYNC_TEST_STORE: in a schema of its own of the project's PostgreSQL.

import process from "node:process";
import { inject } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/server/store/store.ts";

/** Undefined: the project leaves that to the test, or there is no PostgreSQL, as the run has said aloud. */
export async function projectStore(clock: Clock): Promise<Store | undefined> {
  if (process.env["KVSYNC_TEST_STORE"] !== "postgres") return undefined;
  const folder = inject("postgresFolder");
  if (folder === "") return undefined;
  const { databasesIn } = await import("./postgres.ts");
  const { openPostgresStore } = await import("../../src/server/store/postgres/open-postgres-store.ts");
  const url = await databasesIn(folder).freshSchema();
  return openPostgresStore({ url, clock, log: () => undefined, trustsClock: true });
}
