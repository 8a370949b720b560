// The budget gate: every request of an account passes here before it is sent. One queue for both limits, requests in a
// window and requests at a time, ordered by priority and then by arrival. (Not p-limit: it knows no priorities, and a
// scan that waits for the window would keep the place of an edit.) Clients of one account and token share one Budget.
//
// Invariants [I8]: within any window of time no more requests are sent than the budget's share of it, those of an earlier process
// counted, whatever the clock is set to; a retry counts like any request. An edit goes before a scan, a scan before a scrub, a scrub
// before a backup, and those of one kind in the order they came. Backups besides have no more than the share of polls. Who gives
// up waiting has used nothing.

import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { BUDGET_REQUESTS, BUDGET_WINDOW_MS } from "../core/limits.ts";
import {
  blockTokens,
  observePolicies,
  observeRemaining,
  openRequestWindow,
  outlookMs,
  type RatePolicy,
  recentTokens,
  returnToken,
  settleToken,
  takeToken,
  type RequestWindow,
  waitMs,
} from "../core/request-window.ts";
import type { Priority } from "./kv-api.ts";
import type { RateHeaders } from "./rate-headers.ts";

/** The part of each quota that a priority leaves for those before it: scans must not keep an edit waiting for minutes,
 * yet use more than 98 % of the budget. */
const RESERVES: Readonly<Record<Priority, number>> = { edit: 0, scan: 0.01, scrub: 0.2, backup: 0.2 };

/** Enough that bulk writes of four seconds each still use the whole of the default budget; see the test. */
const CONCURRENCY_DEFAULT = 16;

/** Besides the account's limit the API allows 200 requests a second from one IP address
 * (docs: /fundamentals/api/reference/limits); a few less, as requests bunch up on their way. */
const PER_ADDRESS: RatePolicy = { quota: 180, windowMs: 1000 };

export interface BudgetOptions {
  readonly clock: Clock;
  /** Requests allowed in `windowMs` (default 1,200 in 5 minutes); Infinity: no limit, for servers without one. */
  readonly requests?: number | undefined;
  readonly windowMs?: DurationMs | undefined;
  /** The part of them to use, in (0, 1]; the rest is left for others with the same token. */
  readonly share?: number | undefined;
  /** The part of that share which backups may use, in (0, 1]. Default: all of it. */
  readonly pollShare?: number | undefined;
  /** Requests at a time. */
  readonly concurrency?: number | undefined;
  /** How long ago requests were sent by an earlier process: what its {@link Budget.recent} gave, and the time since then. */
  readonly recent?: readonly DurationMs[] | undefined;
}

export interface BudgetWait {
  /** How long until the request can be sent, as far as is known now. */
  readonly waitMs: DurationMs;
  readonly priority: Priority;
}

interface AcquireOptions {
  readonly signal?: AbortSignal | undefined;
  /** Fail with `budget-exhausted` rather than wait. */
  readonly noWait?: boolean | undefined;
  /** Told once when the request has to wait for the window (not for a place among those at a time). */
  readonly onWait?: ((wait: BudgetWait) => void) | undefined;
}

/** The right to send one request. One of its methods must be called; only the first call counts. */
export interface Permit {
  /** The request was answered, or failed after it may have reached the server. */
  settle(rate?: RateHeaders): void;
  /** The request was not sent after all. */
  giveBack(): void;
}

export interface Budget {
  /** Resolves, in order of priority and arrival, when one request may be sent. */
  acquire(priority: Priority, options?: AcquireOptions): Promise<Permit>;
  /** Nobody sends anything for `duration`: the server said so. */
  block(duration: DurationMs): void;
  /** How long ago the requests were sent that still count against the window: to be kept for the next process. */
  recent(): readonly DurationMs[];
  /** How many requests of a priority were let through since the budget was opened. */
  granted(priority: Priority): number;
  /** How many requests could be sent at once now, and how many are waiting. */
  status(): { readonly inFlight: number; readonly waiting: number };
  /** How long those waiting have to wait for the window; 0: nobody waits for it. */
  heldMs(): DurationMs;
  /** How long until `requests` more will have been sent, each `paceMs` after the one before at the earliest. */
  outlook(requests: number, paceMs: DurationMs): DurationMs;
}

interface Waiter {
  readonly priority: Priority;
  readonly options: AcquireOptions;
  readonly grant: () => void;
  readonly fail: (error: AppError) => void;
  told: boolean;
}

function waitOf(
  {
    window,
    backups,
    clock,
  }: { readonly window: RequestWindow; readonly backups: RequestWindow; readonly clock: Clock },
  { priority }: Waiter,
): DurationMs {
  const now = clock.monotonic();
  const wait = waitMs(window, now, RESERVES[priority]);
  return priority === "backup" ? Math.max(wait, waitMs(backups, now)) : wait;
}

/** @throws AppError `config-invalid` for numbers that are no budget. */
export function openBudget(options: BudgetOptions): Budget {
  const { clock, concurrency = CONCURRENCY_DEFAULT } = options;
  const window = openRequestWindow(policiesOf(options), momentsOf(options));
  /** Of backups alone. */
  const backups = openRequestWindow(backupPoliciesOf(options));
  const queues: Record<Priority, Waiter[]> = { edit: [], scan: [], scrub: [], backup: [] };
  const granted: Record<Priority, number> = { edit: 0, scan: 0, scrub: 0, backup: 0 };
  let sleeping: AbortController | undefined;

  function pump(): void {
    sleeping?.abort();
    sleeping = undefined;
    for (;;) {
      const waiter = firstOf(queues);
      if (waiter === undefined || window.inFlight >= concurrency) return;
      const wait = waitOf({ window, backups, clock }, waiter);
      if (wait > 0) {
        // Without an end in sight, an answer to one of those in flight pumps again.
        if (Number.isFinite(wait) && !hold(waiter, wait)) continue;
        return;
      }
      queues[waiter.priority].shift();
      takeToken(window);
      granted[waiter.priority]++;
      if (waiter.priority === "backup") takeToken(backups);
      waiter.grant();
    }
  }

  /** False: the waiter does not want to wait, and is gone. */
  function hold(waiter: Waiter, wait: DurationMs): boolean {
    if (waiter.options.noWait === true) {
      queues[waiter.priority].shift();
      waiter.fail(exhausted(wait));
      return false;
    }
    if (!waiter.told) {
      waiter.told = true;
      waiter.options.onWait?.({ waitMs: wait, priority: waiter.priority });
    }
    const sleep = new AbortController();
    sleeping = sleep;
    // Only the abort above ends a sleep early, and whoever aborts it pumps.
    clock.sleep(wait, sleep.signal).then(pump, () => undefined);
    return true;
  }

  function heldMs(): DurationMs {
    const waiter = firstOf(queues);
    if (waiter === undefined || window.inFlight >= concurrency) return 0;
    const wait = waitOf({ window, backups, clock }, waiter);
    return Number.isFinite(wait) ? wait : 0;
  }

  return {
    acquire: (priority, acquireOptions = {}) =>
      new Promise((resolve, reject) => {
        const { signal } = acquireOptions;
        signal?.throwIfAborted();
        const leave = (): void => {
          const queue = queues[priority];
          queue.splice(queue.indexOf(waiter), 1);
          reject(signal?.reason as Error);
          pump();
        };
        const waiter: Waiter = {
          priority,
          options: acquireOptions,
          grant: () => {
            signal?.removeEventListener("abort", leave);
            const own = priority === "backup" ? backups : undefined;
            resolve(permitOf(window, { clock, share: options.share ?? 1, own, pump }));
          },
          fail: (error) => {
            signal?.removeEventListener("abort", leave);
            reject(error);
          },
          told: false,
        };
        signal?.addEventListener("abort", leave, { once: true });
        queues[priority].push(waiter);
        pump();
      }),
    block: (duration) => {
      blockTokens(window, clock.monotonic(), duration);
      pump();
    },
    recent: () => {
      const now = clock.monotonic();
      return recentTokens(window, now).map((moment) => Math.round(now - moment));
    },
    granted: (priority) => granted[priority],
    status: () => ({
      inFlight: window.inFlight,
      waiting: Object.values(queues).reduce((sum, queue) => sum + queue.length, 0),
    }),
    heldMs,
    outlook: (requests, paceMs) => outlookMs(window, clock.monotonic(), requests, paceMs),
  };
}

interface PermitDeps {
  readonly clock: Clock;
  readonly share: number;
  /** The window of its priority alone. */
  readonly own: RequestWindow | undefined;
  /** Lets those that wait through, as far as that goes. */
  readonly pump: () => void;
}

function permitOf(window: RequestWindow, { clock, share, own, pump }: PermitDeps): Permit {
  let open = true;
  return {
    settle: (rate) => {
      if (!open) return;
      open = false;
      settleToken(window, clock.monotonic());
      if (own !== undefined) settleToken(own, clock.monotonic());
      if (rate !== undefined) observe(window, rate, clock, share);
      pump();
    },
    giveBack: () => {
      if (!open) return;
      open = false;
      returnToken(window);
      if (own !== undefined) returnToken(own);
      pump();
    },
  };
}

function momentsOf({ clock, recent = [] }: BudgetOptions): readonly number[] {
  const now = clock.monotonic();
  return recent.map((age) => now - Math.max(0, age));
}

function policiesOf({
  requests = BUDGET_REQUESTS,
  windowMs = BUDGET_WINDOW_MS,
  share = 1,
}: BudgetOptions): RatePolicy[] {
  if (!(requests >= 1) || !(windowMs > 0) || !(share > 0 && share <= 1))
    throw new AppError("config-invalid", `${requests} requests in ${windowMs} ms, share ${share}, is no budget`, {
      hint: "use at least one request, a window above zero, and a share above 0 % and up to 100 %",
    });
  if (requests === Number.POSITIVE_INFINITY) return [];
  const policy = { quota: Math.max(1, Math.floor(requests * share)), windowMs };
  // Who sets a budget beyond what one address is allowed does not talk to Cloudflare.
  const isOwnServer = policy.quota * PER_ADDRESS.windowMs > PER_ADDRESS.quota * windowMs;
  return isOwnServer ? [policy] : [policy, PER_ADDRESS];
}

function backupPoliciesOf({
  requests = BUDGET_REQUESTS,
  windowMs = BUDGET_WINDOW_MS,
  share = 1,
  pollShare = 1,
}: BudgetOptions): RatePolicy[] {
  if (requests === Number.POSITIVE_INFINITY) return [];
  return [{ quota: Math.max(1, Math.floor(requests * share * pollShare)), windowMs }];
}

function observe(window: RequestWindow, rate: RateHeaders, clock: Clock, share: number): void {
  const now = clock.monotonic();
  if (rate.remaining !== undefined) observeRemaining(window, now, rate.remaining.left, rate.remaining.resetMs);
  if (rate.policies.length > 0)
    observePolicies(
      window,
      rate.policies.map(({ quota, windowMs }) => ({ quota: Math.max(1, Math.floor(quota * share)), windowMs })),
    );
}

function firstOf(queues: Readonly<Record<Priority, readonly Waiter[]>>): Waiter | undefined {
  return queues.edit[0] ?? queues.scan[0] ?? queues.scrub[0] ?? queues.backup[0];
}

function exhausted(wait: DurationMs): AppError {
  return new AppError("budget-exhausted", `the request budget is used up for the next ${Math.ceil(wait / 1000)} s`, {
    hint: "try again later, or run without --no-wait",
    retryable: true,
  });
}
