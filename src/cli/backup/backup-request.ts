// What a backup is asked for, and the places that it is made of.

import type { SnapshotSummary } from "../../backup/repository/snapshots.ts";
import { visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { openLocation, type OpenLocation } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";
import type { GivenFilter } from "../input/key-filter.ts";
import { locationDeps } from "../round/run-copy.ts";

export interface Backup {
  readonly filter: GivenFilter;
  readonly excludeDefaults: boolean;
  /** An empty source is a failure. */
  readonly failEmpty: boolean;
  readonly tags: readonly string[];
  readonly dryRun: boolean;
  /** No snapshot of what is as it was in the last one. */
  readonly skipUnchanged: boolean;
  /** Read every value, whatever its stamp says. */
  readonly readsAll: boolean;
  /** A new repository is not encrypted. */
  readonly isPlain: boolean;
}

/** What one snapshot is to be of. */
export interface BackupTarget {
  /** As it was typed, or as `ACCOUNT:*` was resolved. */
  readonly text: string;
  /** Of a namespace that is known already. */
  readonly namespace: Namespace | undefined;
}

/** The snapshots that a repository has, to which those of this run are added. */
export interface KnownSnapshots {
  readonly list: SnapshotSummary[];
}

/** The location of `target`, with what is to be known of it. */
export async function openTarget(
  context: Context,
  { text, namespace }: BackupTarget,
  { excludeDefaults }: Backup,
): Promise<OpenLocation> {
  const config = await context.config();
  const filter = excludeDefaults ? compileFilter({ excludeDefaults: true }) : undefined;
  const source = await openLocation(locationDeps(context, config), text, {
    mayCreate: false,
    mayLack: false,
    filter,
    namespace,
  });
  for (const warning of source.warnings) context.output.warn(`  ${visible(warning)}`);
  return source;
}
