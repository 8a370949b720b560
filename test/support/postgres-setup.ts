// One PostgreSQL for all the test files of a run that need one. Where it is not installed they are left out, which is said aloud; in CI
// that is a failure.

import process from "node:process";
import type { TestProject } from "vitest/node";
import { findPostgres, startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the socket of the run's server is. Empty: there is none. */
    postgresFolder: string;
  }
}

export async function setup(vitest: TestProject): Promise<() => Promise<void>> {
  if (findPostgres() === undefined && process.env["CI"] === undefined) {
    console.warn("\nPostgreSQL is not installed: NO TEST OF THE SERVER ON POSTGRESQL IS RUN. apt install postgresql\n");
    vitest.provide("postgresFolder", "");
    return async () => undefined;
  }
  const postgres = await startPostgres();
  vitest.provide("postgresFolder", postgres.folder);
  return () => postgres.stop();
}
