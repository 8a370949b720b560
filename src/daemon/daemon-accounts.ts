// The accounts of the command line as the daemon uses them: connected anew when a token was refused or the config changed,
// and with what is left of each budget.

import type { Config } from "../config/config.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { type AccountTrouble, openAccountTroubles } from "../kv/account-trouble.ts";
import type { DaemonAccounts } from "./daemon.ts";
import type { DaemonListener } from "./daemon-event.ts";
import type { AccountStatus } from "./control/daemon-status.ts";
import { budgetOf } from "../accounts/account-budget.ts";
import { openAccounts, type OpenAccount } from "../accounts/accounts.ts";
import { readTextFile } from "../config/read-file.ts";

export interface DaemonAccountsOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: Config;
  readonly onEvent: DaemonListener;
}

export function openDaemonAccounts(options: DaemonAccountsOptions): DaemonAccounts & { close(): Promise<void> } {
  const { clock, onEvent } = options;
  let { config } = options;
  const opened = new Map<string, OpenAccount>();
  const waitingUntil = new Map<string, number>();
  const troubles = openAccountTroubles(clock);
  let recentOf: ((account: string) => readonly DurationMs[]) | undefined;
  const retired: (() => Promise<void>)[] = [];
  const accounts = openAccounts({
    clock,
    config: async () => config,
    env: options.env,
    readFile: readTextFile,
    noWait: false,
    recent: (account) => recentOf?.(account) ?? [],
    onRetry: (account, { reason, waitMs }) => {
      const isNew = troubles.retried(account, reason);
      onEvent({ kind: "account-retries", account, reason, waitMs, isNew });
    },
    onWait: (account, waitMs) => {
      waitingUntil.set(account, clock.monotonic() + waitMs);
      onEvent({ kind: "account-waits", account, waitMs });
    },
    onAnswer: (account, event) => {
      const afterMs = troubles.answered(account, event);
      onEvent({ kind: "account-answered", account, ...event });
      if (afterMs !== undefined) onEvent({ kind: "account-recovered", account, afterMs });
    },
    onWaited: (account, waitedMs) => onEvent({ kind: "account-waited", account, waitedMs }),
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
      troubles.forget(stale.name);
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
        troubles.forget(name);
        retired.push(accounts.renew(name));
      }
      return names;
    },
    closeRetired,
    startFrom: (recent) => {
      recentOf = recent;
    },
    recent: () => new Map([...opened].map(([name, { api }]) => [name, api.budget.recent()])),
    status: () => [...opened.values()].map((account) => statusOf(account, troubles.get(account.name))),
    close: async () => {
      await closeRetired();
      await accounts.close();
    },
  };
}

function statusOf(account: OpenAccount, trouble: AccountTrouble | undefined): AccountStatus {
  const { name, api } = account;
  const budget = budgetOf(account);
  return {
    account: name,
    budgetLeft: budget?.left ?? null,
    budget: budget === undefined ? null : { requests: budget.requests, windowMs: budget.windowMs },
    waiting: api.budget.status().waiting,
    retrying: trouble?.reason ?? null,
    retryingForMs: trouble?.forMs ?? null,
    requests: api.counts(),
    requestsFor: {
      scan: api.budget.granted("scan"),
      edit: api.budget.granted("edit"),
      scrub: api.budget.granted("scrub"),
      backup: api.budget.granted("backup"),
    },
  };
}
