// What is remembered of each backup's runs, as text that backups/ makes and reads.

import type { Journal } from "./journal.ts";

export interface BackupMemories {
  /** Undefined: the backup is not known yet. */
  get(backup: string): string | undefined;
  put(backup: string, memory: string): void;
}

export function openBackupMemories({ database }: Journal): BackupMemories {
  const select = database.prepare("SELECT memory FROM backup WHERE backup = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO backup VALUES (?, ?)");
  return {
    get: (backup) => (select.get(backup) as { readonly memory: string } | undefined)?.memory,
    put: (backup, memory) => void insert.run(backup, memory),
  };
}
