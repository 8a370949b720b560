// The accounts of the command line as the daemon uses them: connected anew when a token was refused or the config changed,
// and with what is left of each budget.

import type { AccountConfig, Config } from "../config/config.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import type { DaemonAccounts } from "../daemon/daemon.ts";
import type { AccountStatus } from "../daemon/status.ts";
import { openAccounts, type OpenAccount } from "./accounts.ts";
import { readTextFile } from "./read-file.ts";

export interface DaemonAccountsOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: Config;
  readonly onRetry: (account: string, event: { readonly reason: string; readonly waitMs: DurationMs }) => void;
  readonly onWait: (account: string, waitMs: DurationMs) => void;
}

/** How long a request that is sent again may take before it is told to be on its way. */
const RETRY_SENT_MS: DurationMs = 2000;

export function openDaemonAccounts(options: DaemonAccountsOptions): DaemonAccounts & { close(): Promise<void> } {
  const { clock } = options;
  let { config } = options;
  const opened = new Map<string, OpenAccount>();
  const waitingUntil = new Map<string, number>();
  const retries = new Map<string, { readonly reason: string; readonly until: number }>();
  let recentOf: ((account: string) => readonly number[]) | undefined;
  const retired: (() => Promise<void>)[] = [];
  const accounts = openAccounts({
    clock,
    config: async () => config,
    env: options.env,
    readFile: readTextFile,
    noWait: false,
    recent: (account) => recentOf?.(account) ?? [],
    onRetry: (account, event) => {
      retries.set(account, { reason: event.reason, until: clock.monotonic() + event.waitMs + RETRY_SENT_MS });
      options.onRetry(account, event);
    },
    onWait: (account, waitMs) => {
      waitingUntil.set(account, clock.monotonic() + waitMs);
      options.onWait(account, waitMs);
    },
  });

  const closeRetired = async (): Promise<void> => {
    await Promise.all(retired.splice(0).map((close) => close()));
  };
  return {
    open: async (name) => {
      const account = await accounts.open(name);
      opened.set(name, account);
      return account;
    },
    renew: async (stale) => {
      // Another mapping of the account may have renewed it already.
      if (opened.get(stale.name) !== stale) return;
      opened.delete(stale.name);
      // A connection whose token was refused serves nobody any more.
      await accounts.renew(stale.name)();
    },
    isWaiting: (name) =>
      (waitingUntil.get(name) ?? 0) > clock.monotonic() && (opened.get(name)?.api.budget.status().waiting ?? 0) > 0,
    use: async (next) => {
      config = next;
      const names = await accounts.outdated();
      for (const name of names) {
        opened.delete(name);
        retired.push(accounts.renew(name));
      }
      return names;
    },
    closeRetired,
    startFrom: (recent) => {
      recentOf = recent;
    },
    recent: () => new Map([...opened].map(([name, { api }]) => [name, api.budget.recent()])),
    status: () =>
      [...opened.values()].map((account) => {
        const retry = retries.get(account.name);
        return statusOf(account, retry !== undefined && retry.until > clock.monotonic() ? retry.reason : null);
      }),
    close: async () => {
      await closeRetired();
      await accounts.close();
    },
  };
}

function statusOf({ name, config, api }: OpenAccount, retrying: string | null): AccountStatus {
  const requests = requestsAllowed(config);
  return {
    account: name,
    budgetLeft: requests === undefined ? null : Math.max(0, requests - api.budget.recent().length),
    budget: requests === undefined ? null : { requests, windowMs: config.budget.windowMs },
    waiting: api.budget.status().waiting,
    retrying,
    requests: api.counts(),
  };
}

function requestsAllowed({ budget }: AccountConfig): number | undefined {
  return Number.isFinite(budget.requests) ? Math.max(1, Math.floor(budget.requests * budget.share)) : undefined;
}
