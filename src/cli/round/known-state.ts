// How things stood when the last rounds and backups ended, from the journal: what there is to tell where no daemon runs.

import { readBackupMemory } from "../../backups/backup-memory.ts";
import { backupStatus } from "../../backups/backup-status.ts";
import { knownMappings } from "../../config/known-mappings.ts";
import type { DaemonStatus } from "../../daemon/control/daemon-status.ts";
import type { Journal } from "../../journal/journal.ts";
import { knownStatus } from "../../mapping/known-status.ts";
import type { Context } from "../context.ts";
import { lookAtJournal } from "./look-at-journal.ts";

export type KnownState = Pick<DaemonStatus, "mappings" | "backups">;

/** Of these mappings; of all, and of the backups, if none is named. */
export async function readKnownState(
  context: Context,
  stateDir: string,
  names: readonly string[],
): Promise<KnownState & { readonly configFile: string | undefined }> {
  const config = await context.config();
  const hasOthers = config.auto !== undefined || config.backups.size > 0;
  const chosen = names.length > 0 || !hasOthers ? await context.mappings(names) : knownMappings(config);
  const known = names.length > 0 ? [] : [...config.backups.values()];
  const look = (journal?: Journal): KnownState => ({
    mappings: knownStatus(chosen, journal),
    backups: known.map((backup) => backupStatus(backup, journal && readBackupMemory(journal, backup), undefined)),
  });
  return { ...(lookAtJournal(context, stateDir, look) ?? look()), configFile: config.file };
}
