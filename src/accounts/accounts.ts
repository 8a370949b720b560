// Accounts, opened: a client for each that is used, and one embedded server for all that are `endpoint: embedded`.

import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AccountConfig, Config } from "../config/config.ts";
import { closestName } from "../config/closest-name.ts";
import { type ReadFile, readSecret } from "../config/secret.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Budget } from "../kv/budget.ts";
import type { Credentials } from "../kv/endpoint.ts";
import type { KvClient } from "../kv/kv-client.ts";
import type { AnswerEvent, RetryEvent } from "../kv/request-loop.ts";
import { parseProxies } from "../kv/proxies.ts";
import type { RunningServer } from "../server/server.ts";
import { ioError } from "../config/read-file.ts";

export interface OpenAccount {
  readonly name: string;
  readonly config: AccountConfig;
  readonly api: KvClient;
}

export interface AccountsDeps {
  readonly clock: Clock;
  readonly config: () => Promise<Config>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
  /** Fail with "budget-exhausted" rather than wait. */
  readonly noWait: boolean;
  /** How long ago an earlier process sent its last requests; none unless given. */
  readonly recent?: (account: string) => readonly DurationMs[];
  readonly onRetry: (account: string, event: RetryEvent) => void;
  readonly onWait: (account: string, waitMs: DurationMs) => void;
  readonly onAnswer?: (account: string, event: AnswerEvent) => void;
  readonly onWaited?: (account: string, waitedMs: DurationMs) => void;
}

export interface Accounts {
  /** The account `name`, or the only one. The same each time. Throws AppError "usage", "config-missing", and
   * "unauthorized" if its token cannot be read. */
  open(name: string | undefined): Promise<OpenAccount>;
  /** Names of those that were opened. */
  opened(): readonly string[];
  /** The clients of those that are connected by now. */
  clients(): readonly KvClient[];
  /** The next `open` of this account connects anew, with its credentials read again and within the same budget. Returns
   * what closes the old connection, for when nobody uses it any more. */
  renew(name: string): () => Promise<void>;
  /** Those of the opened accounts that the config now says otherwise about, or whose credentials have changed. */
  outdated(): Promise<ReadonlySet<string>>;
  close(): Promise<void>;
}

export function openAccounts(deps: AccountsDeps): Accounts {
  const accounts = new Map<string, Promise<OpenAccount>>();
  const budgets = new Map<string, { readonly of: string; readonly budget: Budget }>();
  const identities = new Map<string, string>();
  const clients = new Map<string, KvClient>();
  let server: Promise<RunningServer> | undefined;
  // Nobody else on this machine is to read through the port of a server that only this process needs.
  const embeddedToken = randomBytes(24).toString("base64url");

  async function connect(config: AccountConfig, stateDir: string): Promise<OpenAccount> {
    const { name, endpoint } = config;
    if (endpoint.kind === "embedded" && server === undefined) {
      server = openEmbeddedServer(deps.clock, stateDir, embeddedToken);
      server.catch(() => (server = undefined));
    }
    const baseUrl = endpoint.kind === "embedded" ? (await server!).url : endpoint.baseUrl;
    const credentials: Credentials =
      endpoint.kind === "embedded" ? { kind: "token", token: embeddedToken } : credentialsOf(config, deps.readFile);
    identities.set(name, identityOf(config, credentials));
    const { openKvClient } = await import("../kv/kv-client.ts");
    // What was sent before a connection was renewed still counts.
    const { requests, windowMs, share } = config.budget;
    const budgetOf = JSON.stringify([requests, windowMs, share, config.concurrency]);
    const spent = budgets.get(name);
    const api = openKvClient({
      clock: deps.clock,
      baseUrl,
      accountId: config.accountId,
      credentials,
      // The embedded server is in this process.
      proxies: endpoint.kind === "embedded" ? undefined : parseProxies(deps.env),
      budget: { ...config.budget, recent: deps.recent?.(name) },
      budgetState: spent?.of === budgetOf ? spent.budget : undefined,
      concurrency: config.concurrency,
      noWait: deps.noWait,
      onRetry: (event) => deps.onRetry(name, event),
      // A backup waits for its part of the budget by design, and most of the time.
      onWait: ({ waitMs, priority }) => priority === "backup" || deps.onWait(name, waitMs),
      onAnswer: (event) => deps.onAnswer?.(name, event),
      onWaited: (waitedMs) => deps.onWaited?.(name, waitedMs),
    });
    budgets.set(name, { of: budgetOf, budget: api.budget });
    clients.set(name, api);
    return { name, config, api };
  }

  /** Undefined: there is no such account any more, or its credentials cannot be read. */
  function presentIdentity(config: Config, name: string): string | undefined {
    const account = config.accounts.get(name);
    if (account === undefined) return undefined;
    if (account.endpoint.kind === "embedded") return identityOf(account, { kind: "token", token: embeddedToken });
    try {
      return identityOf(account, credentialsOf(account, deps.readFile));
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  return {
    open: async (name) => {
      const config = await deps.config();
      const account = findAccount(config, deps.env, name);
      const known = accounts.get(account.name);
      if (known !== undefined) return known;
      const opened = connect(account, config.stateDir);
      accounts.set(account.name, opened);
      // What failed is tried again by whoever asks next: a token's file may be there by then.
      opened.catch(() => accounts.get(account.name) === opened && accounts.delete(account.name));
      return opened;
    },
    opened: () => [...accounts.keys()],
    clients: () => [...clients.values()],
    renew: (name) => {
      const old = accounts.get(name);
      accounts.delete(name);
      return async () => {
        const [account] = await Promise.allSettled([old]);
        if (account.status === "fulfilled") await account.value?.api.close();
      };
    },
    outdated: async () => {
      const config = await deps.config();
      const names = [...accounts.keys()].filter((name) => identities.get(name) !== presentIdentity(config, name));
      return new Set(names);
    },
    close: async () => {
      for (const account of await Promise.allSettled(accounts.values())) {
        if (account.status === "fulfilled") await account.value.api.close();
      }
      const [running] = await Promise.allSettled([server]);
      if (running.status === "fulfilled") await running.value?.close();
    },
  };
}

function credentialsOf({ name, credentials }: AccountConfig, readFile: ReadFile): Credentials {
  switch (credentials.kind) {
    case "token":
      return {
        kind: "token",
        token: readSecret(credentials.token, `the API token of account "${name}"`, readFile).reveal(),
      };
    case "key":
      return {
        kind: "key",
        email: credentials.email,
        key: readSecret(credentials.key, `the API key of account "${name}"`, readFile).reveal(),
      };
    case "none":
      throw new AppError("unauthorized", `account "${name}" has no credentials`, { hint: "add api_token to it" });
  }
}

/** What of an account matters to whoever is connected to it. Holds secrets: for comparison alone. */
function identityOf({ endpoint, accountId, budget, concurrency }: AccountConfig, credentials: Credentials): string {
  return JSON.stringify([endpoint, accountId, budget, concurrency, credentials]);
}

async function openEmbeddedServer(clock: Clock, stateDir: string, token: string): Promise<RunningServer> {
  const { openServer } = await import("../server/server.ts");
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw ioError(error, `could not create the state folder ${visible(stateDir)}`);
  }
  return openServer({ clock, database: join(stateDir, EMBEDDED_DATABASE), token, tellsWhy: true });
}

/** The data of all embedded accounts, in the state folder. */
const EMBEDDED_DATABASE = "embedded.sqlite";

function findAccount({ accounts, file }: Config, env: AccountsDeps["env"], name: string | undefined): AccountConfig {
  const names = [...accounts.keys()];
  const found = name === undefined ? (accounts.size === 1 ? accounts.get(names[0]!) : undefined) : accounts.get(name);
  if (found !== undefined) return found;
  if (accounts.size === 0) throw noAccount(file, env);
  if (name === undefined) {
    throw new AppError("usage", `there are several accounts: ${names.join(", ")}`, {
      hint: `say which: ${names[0]}:NAMESPACE, or --account ${names[0]}`,
    });
  }
  const meant = closestName(name, names);
  throw new AppError("usage", `there is no account "${visible(name)}"`, {
    hint: meant === undefined ? `accounts are: ${names.join(", ")}` : `did you mean "${meant}"?`,
  });
}

/** There is no account: what is missing. */
function noAccount(file: string | undefined, env: AccountsDeps["env"]): AppError {
  if (file !== undefined) {
    return new AppError("config-missing", `there are no accounts in ${visible(file)}`, {
      hint: "add one under accounts: see config.example.yaml",
    });
  }
  const missing = ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"].filter((variable) => !env[variable]);
  if (missing.length === 1) {
    return new AppError("config-missing", `there is no config file, and ${missing[0]} is not set`, {
      hint: `set ${missing[0]}, or run kvsync init to write a config file`,
    });
  }
  return new AppError("config-missing", "there is no config file, and no account in the environment", {
    hint: "run kvsync init to write ./kvsync.yaml, or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN",
  });
}
