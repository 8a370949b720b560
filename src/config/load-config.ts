// Loading the configuration: find the file, read it, check everything in it, and say all that is wrong at once.

import { dirname, relative } from "node:path";
import * as v from "valibot";
import { AppError } from "../core/errors.ts";
import type { AccountConfig, BackupConfig, Config, MappingConfig, RepositoryConfig } from "./config.ts";
import { type ConfigFault, type FaultPath, renderFaults } from "./config-fault.ts";
import { environmentAccount } from "./environment-account.ts";
import { defaultStateDir, findConfig, type FindOptions, type FoundConfig } from "./find-config.ts";
import { checkOverlaps, checkRepositories } from "./overlap.ts";
import { type Report, resolveAccount } from "./resolve-account.ts";
import {
  type MappingSurroundings,
  resolveMapping,
  resolvePath,
  resolvePolicy,
  resolveHook,
  resolveTrash,
} from "./resolve-mapping.ts";
import { type BackupSurroundings, resolveBackup } from "./resolve-backup.ts";
import { resolveNotify } from "./resolve-notify.ts";
import { findSharing } from "./shared-sources.ts";
import { reportIssue } from "./report-issue.ts";
import { resolvePage } from "./resolve-page.ts";
import { resolveRepository } from "./resolve-repository.ts";
import { configSchema, type RawConfig } from "./schema.ts";
import { type Environment, parseYamlSource } from "./yaml-source.ts";

/** The configuration, from the first file that {@link findConfig} finds, or from the environment alone. Throws
 * AppError "config-missing" for a named file that does not exist, and one "config-invalid" that lists every fault of
 * the file with line and column. */
export function loadConfig(options: FindOptions): Config {
  const found = findConfig(options);
  if (found !== undefined) return parseConfig(found, options.cwd, options.env);
  const account = environmentAccount(options.env);
  return {
    file: undefined,
    stateDir: defaultStateDir(undefined, options.cwd, options.env),
    root: options.cwd,
    accounts: new Map(account === undefined ? [] : [[account.name, account]]),
    mappings: new Map(),
    repositories: new Map(),
    backups: new Map(),
    onMigration: undefined,
    page: undefined,
    notify: [],
    trash: resolveTrash(undefined),
    auto: undefined,
  };
}

function parseConfig({ file, text }: FoundConfig, cwd: string, env: Environment): Config {
  const source = parseYamlSource(text, env);
  const faults: ConfigFault[] = [...source.faults];
  const faultyPaths: FaultPath[] = [];
  const report: Report = (path, message, what = "value") => {
    faultyPaths.push(path);
    const range = source.rangeOf(path, what);
    // What is wrong only because the environment lacks a variable is not told twice.
    if (!source.faults.some((fault) => fault.range[0] === range[0])) faults.push({ message, range });
  };
  let config: Config | undefined;
  if (source.data !== undefined) {
    const result = v.safeParse(configSchema, source.data);
    for (const issue of result.issues ?? []) reportIssue(issue, report);
    // What failed is missing from the output or raw in it; what stands beside it is resolved all the same, so that
    // one run shows every fault of the file.
    const isSound = (...path: FaultPath): boolean =>
      !faultyPaths.some((faulty) => path.every((step, i) => faulty[i] === step));
    config = resolveConfig((result.output ?? {}) as RawConfig, { file, cwd, env, isSound, report });
  } else if (faults.length === 0) {
    faults.push({ message: "is empty: run kvsync init in an empty folder for a file to begin with", range: [0, 1] });
  }
  if (faults.length === 0 && config !== undefined) return config;
  throw invalid(faults, text, shownPath(file, cwd));
}

interface ResolveOptions {
  readonly file: string;
  readonly cwd: string;
  readonly env: Environment;
  /** Whether nothing was reported at or under a path. */
  readonly isSound: (...path: FaultPath) => boolean;
  readonly report: Report;
}

function resolveConfig(raw: RawConfig, { file, cwd, env, isSound, report }: ResolveOptions): Config {
  const folder = dirname(file);
  const home = env["HOME"];
  const sound = <K extends "state_dir" | "root" | "defaults" | "auto" | "on_migration" | "page">(
    key: K,
  ): RawConfig[K] | undefined => (isSound(key) ? raw[key] : undefined);
  const stateDir = resolvePath(folder, sound("state_dir") ?? defaultStateDir(file, cwd, env), home);
  const root = resolvePath(folder, sound("root") ?? ".", home);

  const accounts = new Map<string, AccountConfig>();
  const faultyAccounts = new Set<string>();
  for (const [name, rawAccount] of namedOf(raw.accounts)) {
    const account = isSound("accounts", name) ? resolveAccount(name, rawAccount, folder, report) : undefined;
    if (account === undefined) faultyAccounts.add(name);
    else accounts.set(name, account);
  }
  const fromEnvironment = (raw.accounts ?? undefined) === undefined ? environmentAccount(env) : undefined;
  if (fromEnvironment !== undefined) accounts.set(fromEnvironment.name, fromEnvironment);

  const surroundings: MappingSurroundings = {
    root,
    home,
    accounts,
    faultyAccounts,
    defaults: sound("defaults") ?? {},
    report,
  };
  const mappings = new Map<string, MappingConfig>();
  // What mappings inherit must be sound before they can be judged.
  const judgesMappings = isSound("defaults") && (isSound("accounts") || accounts.size + faultyAccounts.size > 0);
  for (const [name, rawMapping] of namedOf(raw.mappings)) {
    if (!judgesMappings || !isSound("mappings", name)) continue;
    const mapping = resolveMapping(name, rawMapping ?? {}, surroundings);
    if (mapping !== undefined) mappings.set(name, mapping);
  }
  checkOverlaps([...mappings.values()], { accounts, stateDir, file, report });

  const { repositories, backups } = resolveBackups(raw, { folder, env, accounts, faultyAccounts, isSound, report });
  checkRepositories(repositories, mappings, report);

  const rawAuto = judgesMappings ? sound("auto") : undefined;
  const policy = rawAuto && resolvePolicy(rawAuto, ["auto"], "auto", surroundings);
  // Folders that become mappings of their own have namespaces made for them, unless the file says otherwise.
  const create = rawAuto?.create ?? surroundings.defaults.create ?? true;
  const trash = resolveTrash(sound("defaults")?.trash);
  const onMigration = resolveHook(sound("on_migration"));
  const page = resolvePage(sound("page"), report);
  const notify = resolveNotify(Array.isArray(raw.notify) ? raw.notify : [], { folder, home, isSound, report });
  const shared = { file, stateDir, root, trash, accounts, mappings, repositories, backups, onMigration, page, notify };
  return { ...shared, auto: policy && { ...policy, create, root } };
}

function resolveBackups(
  raw: RawConfig,
  surroundings: Omit<BackupSurroundings, "repositories" | "faultyRepositories"> & Pick<ResolveOptions, "isSound">,
): Pick<Config, "repositories" | "backups"> {
  const { folder, env, isSound, report } = surroundings;
  const repositories = new Map<string, RepositoryConfig>();
  const faultyRepositories = new Set<string>();
  for (const [name, rawRepository] of namedOf(raw.repositories)) {
    const repository = isSound("repositories", name)
      ? resolveRepository(["repositories", name], rawRepository, { folder, env, report })
      : undefined;
    if (repository === undefined) faultyRepositories.add(name);
    else repositories.set(name, { name, ...repository });
  }
  const resolved: Omit<BackupConfig, "sharesSourcesWith">[] = [];
  for (const [name, rawBackup] of namedOf(raw.backups)) {
    if (!isSound("backups", name)) continue;
    const backup = resolveBackup(name, rawBackup, { ...surroundings, repositories, faultyRepositories });
    if (backup !== undefined) resolved.push(backup);
  }
  const { accounts } = surroundings;
  const backups = resolved.map((each) => ({ ...each, sharesSourcesWith: findSharing(each, resolved, accounts) }));
  return { repositories, backups: new Map(backups.map((each) => [each.name, each])) };
}

function namedOf<T>(group: Record<string, T> | null | undefined): [string, T][] {
  return typeof group === "object" && group !== null ? Object.entries(group) : [];
}

function invalid(faults: readonly ConfigFault[], text: string, shownFile: string): AppError {
  const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
  return new AppError("config-invalid", `the config file has ${count}\n${renderFaults(faults, text, shownFile)}`, {
    hint: "every key is described in config.example.yaml; kvsync doctor checks the rest",
  });
}

/** Relative to `cwd` where that is shorter. */
function shownPath(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.length < file.length ? short : file;
}
