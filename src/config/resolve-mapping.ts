// A mapping as it is written, over the defaults of the file, over those of kvsync, into a mapping as it is used.

import { join, resolve } from "node:path";
import { AppError } from "../core/errors.ts";
import { compileFilter, compileMatcher } from "../core/filter.ts";
import { canonicalJson } from "../core/json.ts";
import { type Json } from "../core/json-value.ts";
import { METADATA_BYTES_MAX } from "../core/limits.ts";
import { parsePrefix } from "../core/prefix.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../core/rest.ts";
import { QUIET_MS } from "../replica/tree/write/replaced-file.ts";
import { closestName } from "./closest-name.ts";
import type { AccountConfig, HookConfig, MappingConfig, MappingPolicy, RuleConfig, TrashConfig } from "./config.ts";
import type { FaultPath } from "./config-fault.ts";
import type { Report } from "./resolve-account.ts";
import type { RawConfig, RawMapping } from "./schema.ts";
import type { RawHook } from "./shared-fields.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface MappingSurroundings {
  /** Absolute. */
  readonly root: string;
  /** What `~/` stands for. */
  readonly home: string | undefined;
  readonly accounts: ReadonlyMap<string, AccountConfig>;
  /** Names of accounts that are in the file but wrong: they are not reported again. */
  readonly faultyAccounts: ReadonlySet<string>;
  readonly defaults: RawMapping;
  readonly report: Report;
}

/** The mapping `name`, or undefined after `report` was told why not. */
export function resolveMapping(
  name: string,
  raw: RawMapping,
  surroundings: MappingSurroundings,
): MappingConfig | undefined {
  const merged = { ...surroundings.defaults, ...raw };
  const policy = resolvePolicy(raw, ["mappings", name], `mapping "${name}"`, surroundings);
  if (policy === undefined) return undefined;
  return {
    ...policy,
    name,
    folder: resolvePath(surroundings.root, merged.folder ?? name, surroundings.home),
    namespace: merged.namespace ?? name,
    prefix: parsePrefix(merged.prefix ?? ""),
  };
}

/** What mappings and `auto` have in common; `noun` names which it is. */
export function resolvePolicy(
  raw: RawMapping,
  path: FaultPath,
  noun: string,
  surroundings: MappingSurroundings,
): MappingPolicy | undefined {
  const { defaults, report } = surroundings;
  const merged = { ...defaults, ...raw };
  const account = resolveAccountName(
    merged.account,
    raw.account === undefined ? path : [...path, "account"],
    noun,
    surroundings,
  );
  if (merged.mode === undefined)
    report(path, `${noun} has no mode: add mode: push (files are the truth), pull (KV is) or two-way`, "key");
  const pathOf = (key: "include" | "exclude" | "rules"): FaultPath =>
    raw[key] === undefined ? ["defaults", key] : [...path, key];
  const rules = resolveRules(merged.rules ?? [], pathOf("rules"), report);
  for (const key of ["include", "exclude"] as const) {
    const lines = merged[key] ?? [];
    const isSound = lines.every((line, index) =>
      checkPattern(() => compileFilter({ exclude: [line] }), [...pathOf(key), index], report),
    );
    if (isSound) checkPattern(() => compileFilter({ [key]: lines }), pathOf(key), report);
  }
  if (account === undefined || merged.mode === undefined || rules === undefined) return undefined;
  const stableAfterMs = merged.stable_after ?? STABLE_AFTER_MS;
  return {
    account,
    mode: merged.mode,
    delete: merged.delete ?? "owned",
    removeAfterMs: merged.remove_after ?? 0,
    conflict: merged.conflict ?? "keep-both",
    create: merged.create ?? false,
    names: merged.names ?? "posix",
    stamp: merged.stamp ?? true,
    trustStamps: merged.trust_stamps ?? false,
    include: merged.include ?? [],
    exclude: merged.exclude ?? [],
    excludeDefaults: merged.exclude_defaults ?? true,
    rules,
    maxDelete: merged.max_delete ?? { share: 0.25 },
    maxOverwrite: merged.max_overwrite ?? "not-all",
    symlinks: merged.symlinks ?? "skip",
    rootSwaps: merged.root_swaps ?? "hold",
    trash: resolveTrash(raw.trash, defaults.trash),
    settleWindowMs: merged.settle_window ?? MINUTE_MS,
    quietMs: Math.max(QUIET_MS, stableAfterMs),
    stableAfterMs,
    stableMaxMs: merged.stable_max ?? STABLE_MAX_MS,
    pollIntervalMs: merged.poll_interval ?? MINUTE_MS,
    rescanIntervalMs: merged.rescan_interval ?? HOUR_MS,
    watch: merged.watch ?? "auto",
    watchIntervalMs: merged.watch_interval ?? 10 * SECOND_MS,
    onChange: resolveHook(merged.on_change),
    onHold: resolveHook(merged.on_hold),
    onConflict: resolveHook(merged.on_conflict),
  };
}

/** `path` against `folder`, with a leading `~/` as the home folder. */
export function resolvePath(folder: string, path: string, home: string | undefined): string {
  if (home !== undefined && (path === "~" || path.startsWith("~/"))) return join(home, path.slice(1));
  return resolve(folder, path);
}

function resolveAccountName(
  name: string | undefined,
  path: FaultPath,
  noun: string,
  surroundings: MappingSurroundings,
): string | undefined {
  const { accounts, faultyAccounts, report } = surroundings;
  if (name !== undefined) {
    if (accounts.has(name)) return name;
    if (faultyAccounts.has(name)) return undefined;
    const names = [...accounts.keys(), ...faultyAccounts];
    const meant = closestName(name, names);
    report(
      path,
      meant === undefined
        ? `there is no account "${name}"; ${listOf(names)}`
        : `there is no account "${name}"; did you mean "${meant}"?`,
    );
    return undefined;
  }
  const [only, ...others] = accounts.keys();
  if (only !== undefined && others.length === 0 && faultyAccounts.size === 0) return only;
  if (faultyAccounts.size === 0)
    report(
      path,
      `${noun} does not say which account it is in: add account: NAME; ${listOf([...accounts.keys()])}`,
      "key",
    );
  return undefined;
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? "there are no accounts in the file" : `accounts are ${names.join(", ")}`;
}

function resolveRules(
  raw: NonNullable<RawMapping["rules"]>,
  path: FaultPath,
  report: Report,
): readonly RuleConfig[] | undefined {
  let sound = true;
  const rules = raw.map((rule, index): RuleConfig => {
    const metadata = rule.metadata === undefined ? undefined : canonicalJson(rule.metadata as Json);
    const bytes = metadata === undefined ? 0 : Buffer.byteLength(metadata);
    if (bytes > METADATA_BYTES_MAX) {
      report(
        [...path, index, "metadata"],
        `is ${bytes} bytes of JSON; metadata has at most ${METADATA_BYTES_MAX}`,
        "key",
      );
      sound = false;
    }
    if (metadata === undefined && rule.expiration_ttl === undefined) {
      report([...path, index, "match"], "has no effect: add expiration_ttl or metadata to the rule", "key");
      sound = false;
    }
    if (!checkPattern(() => compileMatcher(rule.match), [...path, index, "match"], report)) sound = false;
    const ttl = rule.expiration_ttl;
    return { match: rule.match, ttlSeconds: ttl === undefined ? undefined : Math.floor(ttl / SECOND_MS), metadata };
  });
  return sound ? rules : undefined;
}

/** Whether `compile` goes well; else `report` is told, with the pattern's own hint. */
export function checkPattern(compile: () => unknown, path: FaultPath, report: Report): boolean {
  try {
    compile();
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    report(path, error.hint === undefined ? error.message : `${error.message}: ${error.hint}`);
    return false;
  }
}

export function resolveHook(raw: RawHook | undefined): HookConfig | undefined {
  return raw && { run: raw.run, debounceMs: raw.debounce ?? SECOND_MS, timeoutMs: raw.timeout ?? MINUTE_MS };
}

type RawTrash = NonNullable<RawConfig["defaults"]>["trash"] | undefined;

export function resolveTrash(raw: RawTrash, defaults?: RawTrash): TrashConfig {
  return {
    keepMs: raw?.keep ?? defaults?.keep ?? 30 * DAY_MS,
    maxBytes: raw?.max_size ?? defaults?.max_size ?? 2 ** 30,
  };
}
