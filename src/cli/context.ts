// What a command works with: the config, accounts and namespaces, opened when they are first asked for, and closed
// when the command is done.

import { KvError } from "../kv/kv-error.ts";
import type { Config, MappingConfig } from "../config/config.ts";
import { closestName } from "../config/closest-name.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError, type ErrorCode, visible } from "../core/errors.ts";
import { parseDuration, renderDuration } from "../core/units.ts";
import type { KvApi, Namespace } from "../kv/kv-api.ts";
import { type Accounts, openAccounts, type OpenAccount } from "../accounts/accounts.ts";
import { type NamespaceLocation, parseNamespaceLocation } from "../mapping/location.ts";
import { type Output, visibleLines } from "./render/output.ts";
import { openProgress, type Progress } from "./render/progress.ts";
import { errorRecord, tellError } from "./render/render-error.ts";
import { readTextFile } from "../config/read-file.ts";
import { openOutageTeller } from "./render/tell-outage.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False with --no-progress. */
  readonly progress: boolean;
  /** False with --no-wait. */
  readonly wait: boolean;
  /** A duration, as it is written. */
  readonly lockTimeout?: string;
}

export interface ContextDeps {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly output: Output;
  /** Aborted when the command is to stop. */
  readonly signal: AbortSignal;
  readonly options: GlobalOptions;
}

export interface OpenNamespace {
  readonly account: OpenAccount;
  readonly api: KvApi;
  readonly namespace: Namespace;
  readonly prefix: string;
  /** `prod:app-config`, as results and messages name it. */
  readonly label: string;
}

export interface Context extends ContextDeps {
  /** How long to wait for another kvsync that works with the state folder. Throws "usage" where it is no duration. */
  readonly lockTimeoutMs: DurationMs;
  /** The state folder: also of a config that cannot be loaded, which is told on stderr. Throws as `config` does where even
   * that cannot be found in it. */
  stateDir(): Promise<string>;
  /** Loaded once. Throws AppError "config-invalid" and "config-missing". */
  config(): Promise<Config>;
  /** The mappings of these names, or all. Throws "usage" for a name there is none of, "config-missing" if there is none. */
  mappings(names: readonly string[]): Promise<readonly MappingConfig[]>;
  /** By name, or the only one. */
  account(name?: string): Promise<OpenAccount>;
  /** What `-n` says: `ACCOUNT:NAMESPACE[/FOLDER/]`, a mapping's name or a title; undefined: the only mapping's. */
  namespace(location: string | undefined): Promise<OpenNamespace>;
  openProgress(label: string): Progress;
  /** One of several things has failed, and the others go on: a line on stderr for people, an event for programs. */
  tellFailure(error: AppError, mapping: string): void;
  /** Why the command is to end as it will, which has been told already: with --json it is the last line on stderr. */
  readonly keepFailure: (error: AppError) => void;
  /** Asks on the terminal; true only for yes. Throws "usage" with `whenNobody` as its hint where there is no one to ask. */
  confirm(question: string, whenNobody: string): Promise<boolean>;
}

export interface OpenContext extends Context {
  /** `error` with the account it is about in its message, where only one was used. */
  explain(error: unknown): unknown;
  failures(): readonly AppError[];
  close(): Promise<void>;
}

/** Waits shorter than this are not worth a line. */
const WAIT_TOLD_MS = 5000;

export function openContext(deps: ContextDeps): OpenContext {
  const { clock, env, cwd, output, options, signal } = deps;
  let loading: Promise<Config> | undefined;
  let progress: Progress | undefined;
  /** All requests of an account wait together: told once. */
  const waitsUntil = new Map<string, number>();
  const outages = openOutageTeller(clock, (line) => output.note(line));
  const config = (): Promise<Config> => (loading ??= load());
  const load = async (): Promise<Config> => {
    const { loadConfig } = await import("../config/load-config.ts");
    return loadConfig({ path: options.config, cwd, env, readFile: readTextFile });
  };
  const stateDir = async (): Promise<string> => {
    try {
      return (await config()).stateDir;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "config-invalid") throw error;
      const { findStateDir } = await import("../config/find-state-dir.ts");
      const found = findStateDir({ path: options.config, cwd, env, readFile: readTextFile });
      if (found === undefined) throw error;
      output.warn(
        `${visibleLines(error.message)}\nthe rest of the config is ignored; a daemon that runs keeps to the old one`,
      );
      return found;
    }
  };
  const accounts = openAccounts({
    clock,
    config,
    env,
    readFile: readTextFile,
    noWait: !options.wait,
    onRetry: (account, event) => {
      outages.retried(account, event);
      output.detail(`${account}: ${visible(event.reason)}; again in ${renderDuration(event.waitMs)}`);
    },
    onAnswer: (account, event) => outages.answered(account, event),
    onWait: (account, waitMs) => {
      // The bar tells it, where there is one.
      const isSeen = output.progressStream !== undefined && progress !== undefined;
      const now = clock.monotonic();
      if (waitMs < WAIT_TOLD_MS || isSeen || now < (waitsUntil.get(account) ?? 0)) return;
      waitsUntil.set(account, now + waitMs);
      output.note(`${account}: waiting ${renderDuration(waitMs)} for the request budget`);
    },
  });
  const failures: AppError[] = [];
  return {
    ...deps,
    lockTimeoutMs: lockTimeoutOf(options.lockTimeout),
    config,
    stateDir,
    mappings: async (names) => selectMappings(await config(), names),
    account: (name) => accounts.open(name),
    namespace: async (location) => openNamespace({ accounts, config: await config(), cwd, signal }, location),
    openProgress: (label) => {
      progress?.close();
      progress = openProgress({ clock, output, traffics: () => accounts.clients() }, label);
      return progress;
    },
    tellFailure: (error, mapping) => {
      if (output.json) output.event({ ...errorRecord(error), mapping });
      else tellError(error, output);
      failures.push(error);
    },
    keepFailure: (error) => void failures.push(error),
    failures: () => failures,
    confirm: async (question, whenNobody) => {
      if (deps.stdin.isTTY)
        return (await import("./input/confirm.ts")).confirm(question, { stdin: deps.stdin, output, signal });
      throw new AppError("usage", "this needs a confirmation, and there is no terminal to ask on", {
        hint: whenNobody,
      });
    },
    explain: (error) => explain(error, accounts.opened()),
    close: async () => {
      progress?.close();
      await accounts.close();
    },
  };
}

function lockTimeoutOf(text: string | undefined): DurationMs {
  if (text === undefined) return 0;
  const parsed = parseDuration(text);
  if (parsed.kind === "fault") throw new AppError("usage", `--lock-timeout: ${parsed.message}`);
  return parsed.value;
}

function selectMappings({ mappings, file }: Config, names: readonly string[]): readonly MappingConfig[] {
  if (mappings.size === 0) {
    throw new AppError(
      "config-missing",
      file === undefined ? "there is no config file" : `there are no mappings in ${visible(file)}`,
      {
        hint:
          file === undefined
            ? "run kvsync init to write ./kvsync.yaml, or name one with -c"
            : "add one under mappings: see config.example.yaml",
      },
    );
  }
  if (names.length === 0) return [...mappings.values()];
  return [...new Set(names)].map((name) => {
    const mapping = mappings.get(name);
    if (mapping !== undefined) return mapping;
    const meant = closestName(name, mappings.keys());
    throw new AppError("usage", `there is no mapping "${visible(name)}"`, {
      hint: meant === undefined ? `mappings are: ${[...mappings.keys()].join(", ")}` : `did you mean "${meant}"?`,
    });
  });
}

interface NamespaceDeps {
  readonly accounts: Accounts;
  readonly config: Config;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

async function openNamespace(
  { accounts, config, cwd, signal }: NamespaceDeps,
  text: string | undefined,
): Promise<OpenNamespace> {
  const named = text === undefined ? onlyMapping(config) : namedLocation(parseNamespaceLocation(text), config);
  const { resolveWranglerLocation } = await import("../mapping/wrangler-location.ts");
  const location = await resolveWranglerLocation({ config, cwd, readFile: readTextFile }, named);
  const account = await accounts.open(location.account);
  const { resolveNamespace } = await import("../kv/resolve-namespace.ts");
  const namespace = await resolveNamespace(account.api, location.namespace, { signal });
  const label = `${account.name}:${visible(namespace.title)}`;
  return { account, api: account.api, namespace, prefix: location.prefix, label };
}

function onlyMapping({ mappings, file }: Config): NamespaceLocation {
  const [mapping, ...others] = mappings.values();
  if (mapping !== undefined && others.length === 0) {
    return { kind: "namespace", account: mapping.account, namespace: mapping.namespace, prefix: "" };
  }
  const why =
    mapping === undefined
      ? file === undefined
        ? "there is no config file"
        : "the config has no mapping"
      : `the config has several: ${[...mappings.keys()].join(", ")}`;
  throw new AppError("usage", `which namespace is meant is not clear, since ${why}`, {
    hint: "say so: -n ACCOUNT:NAMESPACE, or -n MAPPING",
  });
}

/** A name without an account is a mapping's, if there is one, and else a title. */
function namedLocation(location: NamespaceLocation, { mappings }: Config): NamespaceLocation {
  const mapping = location.account === undefined ? mappings.get(location.namespace) : undefined;
  return mapping === undefined ? location : { ...location, account: mapping.account, namespace: mapping.namespace };
}

const aboutAccounts: ReadonlySet<ErrorCode> = new Set([
  "unauthorized",
  "network",
  "rate-limited",
  "quota-exhausted",
  "budget-exhausted",
  "api-error",
  "namespace-not-found",
  "namespace-exists",
]);

/** Object storage and passphrases fail with these, too. */
const ofStores: ReadonlySet<ErrorCode> = new Set(["unauthorized", "network", "rate-limited"]);

function isOfApi(error: AppError): boolean {
  for (let from: unknown = error; from instanceof Error; from = from.cause) if (from instanceof KvError) return true;
  return false;
}

function explain(error: unknown, opened: readonly string[]): unknown {
  const [name, ...others] = opened;
  if (!(error instanceof AppError) || name === undefined || others.length > 0 || !aboutAccounts.has(error.code))
    return error;
  if (error.message.includes(`"${name}"`) || (ofStores.has(error.code) && !isOfApi(error))) return error;
  return new AppError(error.code, `account "${name}": ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error.cause,
    retryable: error.retryable,
  });
}
