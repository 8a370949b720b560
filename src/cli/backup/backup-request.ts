// What `kvsync backup` is asked for.

import type { SourceRequest } from "../../backups/back-up-source.ts";
import { type BackupTarget, openTarget as openBackupTarget } from "../../backups/backup-targets.ts";
import { visible } from "../../core/errors.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";
import { locationDeps } from "../round/run-copy.ts";

export interface Backup extends SourceRequest {
  readonly dryRun: boolean;
  /** A new repository is not encrypted. */
  readonly isPlain: boolean;
}

/** The location of `target`, with what is to be known of it. */
export async function openTarget(
  context: Context,
  target: BackupTarget,
  { excludeDefaults }: Backup,
): Promise<OpenLocation> {
  const source = await openBackupTarget(locationDeps(context, await context.config()), target, { excludeDefaults });
  for (const warning of source.warnings) context.output.warn(`  ${visible(warning)}`);
  return source;
}
