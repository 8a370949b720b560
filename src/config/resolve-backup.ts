// A backup as it is written in a config, into one as it is used.

import { isBackupTag } from "../core/backup-tag.ts";
import { compileFilter } from "../core/filter.ts";
import { parsePrefix } from "../core/prefix.ts";
import { parseRetentionRule, type RetentionRule } from "../core/retention-rule.ts";
import { pathsInside } from "../replica/tree/paths-inside.ts";
import { type RawBackup, ruleNameOf } from "./backup-schema.ts";
import { closestName } from "./closest-name.ts";
import type { AccountConfig, BackupConfig, BackupSchedule, RepositoryConfig } from "./config.ts";
import type { FaultPath } from "./config-fault.ts";
import type { Report } from "./resolve-account.ts";
import { checkPattern, resolveHook, resolvePath } from "./resolve-mapping.ts";
import { isBucket, resolveRepository } from "./resolve-repository.ts";
import type { RawRepository } from "./repository-schema.ts";
import type { Environment } from "./yaml-source.ts";

export interface BackupSurroundings {
  /** What relative paths are relative to. */
  readonly folder: string;
  readonly env: Environment;
  readonly accounts: ReadonlyMap<string, AccountConfig>;
  readonly repositories: ReadonlyMap<string, RepositoryConfig>;
  /** Names that are in the file but wrong: they are not reported again. */
  readonly faultyAccounts: ReadonlySet<string>;
  readonly faultyRepositories: ReadonlySet<string>;
  readonly report: Report;
}

/** The backup `name`, or undefined after `report` was told why not. */
export function resolveBackup(
  name: string,
  raw: RawBackup,
  surroundings: BackupSurroundings,
): Omit<BackupConfig, "sharesSourcesWith"> | undefined {
  const path: FaultPath = ["backups", name];
  let isSound = true;
  const report: Report = (...fault) => {
    isSound = false;
    surroundings.report(...fault);
  };
  const within = { ...surroundings, report };
  const sources = raw.sources.map((source, index) => resolveSource([...path, "sources", index], source, within));
  const repository = resolvePlace([...path, "repository"], raw.repository, within);
  const schedule = resolveSchedule(path, raw, report);
  const keep = resolveKeep([...path, "keep"], raw.keep, report);
  if (raw.prune === true && raw.keep === undefined)
    report([...path, "prune"], "has no effect: nothing is forgotten without keep", "key");
  for (const key of ["include", "exclude"] as const)
    checkPattern(() => compileFilter({ [key]: raw[key] ?? [] }), [...path, key], report);
  for (const [index, tag] of (raw.tags ?? []).entries()) {
    if (isBackupTag(tag))
      report([...path, "tags", index], `"${tag}" is what kvsync itself tags snapshots with: use another tag`);
  }
  if (repository?.store.kind === "folder") checkInside(path, sources, repository.store.path, report);
  if (!isSound || repository === undefined) return undefined;
  return {
    name,
    sources,
    repository,
    repositoryLabel: raw.repository,
    schedule,
    timeZone: raw.timezone,
    jitterMs: raw.jitter ?? 0,
    keep,
    prune: raw.prune ?? keep.length > 0,
    drillEveryMs: raw.drill,
    tags: raw.tags ?? [],
    prefix: parsePrefix(raw.prefix ?? ""),
    include: raw.include ?? [],
    exclude: raw.exclude ?? [],
    skipIfUnchanged: raw.skip_if_unchanged ?? false,
    isPlain: raw.encryption === "none",
    onFailure: resolveHook(raw.on_backup_failure),
    onSuccess: resolveHook(raw.on_backup_success),
  };
}

/** Paths as in locations. */
function isPath(text: string): boolean {
  return /^(?:\.{1,2}|~)?(?:\/|$)/.test(text);
}

function resolveSource(path: FaultPath, source: string, surroundings: BackupSurroundings): string {
  const { folder, env, accounts, faultyAccounts, report } = surroundings;
  if (isPath(source)) return resolvePath(folder, source, env["HOME"]);
  const [, account, namespace] = /^([^:]*):([^/]*)/.exec(source) ?? [];
  if (account === undefined) {
    report(path, `"${source}" is no source: write ACCOUNT:${source} for a namespace, or ./${source} for a folder`);
  } else if (account === "" || namespace === "") {
    report(
      path,
      `"${source}" names no ${account === "" ? "account" : "namespace"}: write ACCOUNT:NAMESPACE, or ACCOUNT:* for all`,
    );
  } else if (!accounts.has(account) && !faultyAccounts.has(account)) {
    const names = [...accounts.keys(), ...faultyAccounts];
    const meant = closestName(account, names);
    const known = names.length === 0 ? "there are no accounts in the file" : `accounts are ${names.join(", ")}`;
    report(path, `there is no account "${account}"; ${meant === undefined ? known : `did you mean "${meant}"?`}`);
  } else if (namespace?.includes("*") === true && source !== `${account}:*`) {
    report(path, `"${source}" is no source: write ${account}:* for all namespaces, or name one`);
  }
  return source;
}

function resolvePlace(path: FaultPath, text: string, surroundings: BackupSurroundings): RepositoryConfig | undefined {
  const { repositories, faultyRepositories, folder, env, report } = surroundings;
  const named = repositories.get(text);
  if (named !== undefined || faultyRepositories.has(text)) return named;
  if (isPath(text) || isBucket(text)) {
    // Whatever is wrong with the store is wrong with this one value.
    const tell: Report = (_, message) => report(path, message);
    const resolved = resolveRepository(path, { store: text } as RawRepository, { folder, env, report: tell });
    return resolved && { name: undefined, ...resolved };
  }
  const names = [...repositories.keys(), ...faultyRepositories];
  const meant = closestName(text, names);
  const known = names.length === 0 ? "" : `; repositories are ${names.join(", ")}`;
  const advice = meant === undefined ? `write ./${text} for a folder${known}` : `did you mean "${meant}"?`;
  report(path, `there is no repository "${text}"; ${advice}`);
  return undefined;
}

function resolveSchedule(path: FaultPath, raw: RawBackup, report: Report): BackupSchedule | undefined {
  if (raw.every !== undefined && raw.at !== undefined)
    report([...path, "at"], "stands beside every: keep one of them", "key");
  if (raw.every !== undefined) return { kind: "every", everyMs: raw.every };
  if (raw.at !== undefined) {
    const [hours = 0, minutes = 0] = raw.at.split(":").map(Number);
    return { kind: "daily", atMinutes: hours * 60 + minutes };
  }
  if (raw.jitter !== undefined) report([...path, "jitter"], "has no effect: add every or at", "key");
  return undefined;
}

function resolveKeep(path: FaultPath, raw: RawBackup["keep"], report: Report): readonly RetentionRule[] {
  if (raw === undefined) return [];
  const rules = Object.entries(raw).flatMap(([name, written]) => {
    const parsed = written === undefined ? undefined : parseRetentionRule(ruleNameOf(name), written);
    return parsed?.kind === "value" && parsed.value !== undefined ? [parsed.value] : [];
  });
  if (rules.length === 0)
    report(
      path,
      "keeps nothing: write how many snapshots, as in keep: { last: 7, daily: 14 }, or leave it out to keep all",
      "key",
    );
  return rules;
}

function checkInside(path: FaultPath, sources: readonly string[], store: string, report: Report): void {
  for (const [index, source] of sources.entries()) {
    if (isPath(source) && pathsInside(source, store).length > 0)
      report(
        [...path, "sources", index],
        `the repository ${store} lies in ${source}, and would be backed up into itself`,
      );
  }
}
