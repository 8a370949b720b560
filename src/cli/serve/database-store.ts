// A database as what the embedded server keeps its data in, by its URL. Loaded only where one is named: the client of PostgreSQL is large.

import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { parseDatabaseUrl } from "../../server/store/postgres/connection.ts";
import { openPostgresStore } from "../../server/store/postgres/open-postgres-store.ts";
import type { Store } from "../../server/store/store.ts";

export interface DatabaseStore {
  readonly store: Store;
  /** For people: without the password. */
  readonly label: string;
}

/** Throws AppError: "usage" for what is no URL of a database, else as {@link openPostgresStore} does. */
export async function openDatabaseStore(
  url: string,
  deps: {
    readonly clock: Clock;
    readonly log: (line: string) => void;
    readonly warn: (line: string) => void;
  },
): Promise<DatabaseStore> {
  // What is given may be half a URL, and have a password: it is not repeated.
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new AppError("usage", "--store: what is given does not begin with postgres://", {
      hint: "write postgres://USER:PASSWORD@HOST:5432/DATABASE; for a file of this machine give its folder with --data",
    });
  }
  const { label } = parseDatabaseUrl(url);
  return { store: await openPostgresStore({ url, ...deps }), label };
}
