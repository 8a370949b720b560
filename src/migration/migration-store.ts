// The record of a migration that runs, kept on disk with each change.

import type { Clock } from "../core/clock.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationRecord, NamespaceRecord } from "./migration-record.ts";

export interface MigrationStore {
  current(): MigrationRecord;
  set(change: Partial<MigrationRecord>): void;
  setNamespace(index: number, change: Partial<NamespaceRecord>): void;
}

/** `record` is written at once. */
export function openMigrationStore(
  { folder, clock }: { readonly folder: MigrationFolder; readonly clock: Clock },
  record: MigrationRecord,
): MigrationStore {
  let current = record;
  const set = (change: Partial<MigrationRecord>): void => {
    current = { ...current, ...change, changedAt: clock.now() };
    folder.write(current);
  };
  set({});
  return {
    current: () => current,
    set,
    setNamespace: (index, change) =>
      set({ namespaces: current.namespaces.map((one, at) => (at === index ? { ...one, ...change } : one)) }),
  };
}
