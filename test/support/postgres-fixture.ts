// Stores over the run's PostgreSQL, each over a schema of its own unless it shares one, closed after each test.

import { afterEach, describe, inject } from "vitest";
import { systemClock } from "../../src/core/system-clock.ts";
import type { Clock } from "../../src/core/clock.ts";
import { openPostgresStore } from "../../src/server/store/postgres/open-postgres-store.ts";
import type { Store } from "../../src/server/store/store.ts";
import { type Databases, databasesIn } from "./postgres.ts";

const folder = inject("postgresFolder");

/** `describe`, but left out where PostgreSQL is not installed: the run has said so. */
export const describePostgres: typeof describe = folder === "" ? (describe.skip as typeof describe) : describe;

export const databases: Databases = databasesIn(folder);

const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

export interface OpenOptions {
  /** A schema of its own unless given. */
  readonly url?: string;
  readonly clock?: Clock;
  readonly log?: (line: string) => void;
  /** True unless given: tests purge by a time of their own. */
  readonly trustsClock?: boolean;
}

export async function openStore({
  url,
  clock = systemClock,
  log = () => undefined,
  trustsClock = true,
}: OpenOptions = {}): Promise<Store> {
  const store = await openPostgresStore({ url: url ?? (await databases.freshSchema()), clock, log, trustsClock });
  opened.push(store);
  return store;
}
