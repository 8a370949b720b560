// What a backup is of: `ACCOUNT:*` is every namespace that the account has at that moment, and anything else one location.

import { AppError, visible } from "../core/errors.ts";
import { compileFilter } from "../core/filter.ts";
import type { KvApi, Namespace, Priority } from "../kv/kv-api.ts";
import { type LocationDeps, openLocation, type OpenLocation } from "../mapping/open-location.ts";

/** What one snapshot is to be of. */
export interface BackupTarget {
  /** As it was typed, or as `ACCOUNT:*` was resolved. */
  readonly text: string;
  /** Of a namespace that is known already. */
  readonly namespace: Namespace | undefined;
}

export interface TargetDeps {
  readonly account: (name: string) => Promise<{ readonly name: string; readonly api: KvApi }>;
  readonly signal: AbortSignal;
}

/** Throws AppError "source-empty" for an account without namespaces, and what the API answers. */
export async function findTargets(
  { account, signal }: TargetDeps,
  sources: readonly string[],
): Promise<readonly BackupTarget[]> {
  const targets: BackupTarget[] = [];
  for (const text of sources) {
    const wanted = /^([^:/]+):\*$/.exec(text)?.[1];
    if (wanted === undefined) {
      targets.push({ text, namespace: undefined });
      continue;
    }
    const { name, api } = await account(wanted);
    const before = targets.length;
    for await (const page of api.listNamespaces({ signal })) {
      for (const namespace of page) targets.push({ text: `${name}:${namespace.id}`, namespace });
    }
    if (targets.length === before) {
      throw new AppError("source-empty", `account "${visible(name)}" has no namespaces`, {
        hint: "check which account is meant: kvsync namespace list",
      });
    }
  }
  return targets;
}

export interface TargetOptions {
  readonly excludeDefaults: boolean;
  readonly priority?: Priority | undefined;
}

/** The location of `target`; its replica is the caller's to close. */
export function openTarget(
  locations: LocationDeps,
  { text, namespace }: BackupTarget,
  { excludeDefaults, priority }: TargetOptions,
): Promise<OpenLocation> {
  const filter = excludeDefaults ? compileFilter({ excludeDefaults: true }) : undefined;
  return openLocation(locations, text, { mayCreate: false, mayLack: false, filter, namespace, priority });
}
