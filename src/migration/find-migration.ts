// A migration by its name, for who works beside the process that runs it.

import { AppError, visible } from "../core/errors.ts";
import { listMigrations, type MigrationFolder, openMigrationFolder } from "./migration-folder.ts";
import type { MigrationRecord } from "./migration-record.ts";

export interface FoundMigration {
  readonly folder: MigrationFolder;
  readonly record: MigrationRecord;
}

/** Throws AppError "usage" if there is none. */
export function findMigration(stateDir: string, name: string): FoundMigration {
  const folder = openMigrationFolder(stateDir, name);
  const record = folder.read();
  if (record !== undefined) return { folder, record };
  const names = listMigrations(stateDir).map((one) => one.name);
  throw new AppError("usage", `there is no migration "${visible(name)}"`, {
    hint: names.length === 0 ? "there is none at all: kvsync migrate --help" : `migrations are: ${names.join(", ")}`,
  });
}
