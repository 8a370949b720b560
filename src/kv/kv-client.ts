// The Workers KV REST client: the operations of the KvApi (calls/) over one request loop, which waits, counts and tries again.

import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { systemClock } from "../core/system-clock.ts";
import { type Budget, type BudgetOptions, type BudgetWait, openBudget } from "./budget.ts";
import { bulkCalls } from "./calls/bulk-calls.ts";
import { changeCalls, FEED_SILENCE_MS_MAX } from "./calls/change-calls.ts";
import { isFreshNamespace, namespaceCalls } from "./calls/namespace-calls.ts";
import { valueCalls } from "./calls/value-calls.ts";
import { skewOf } from "./clock-skew.ts";
import { type Credentials, parseEndpoint, secretsOf, headersFor } from "./endpoint.ts";
import type { KvApi, NamespaceId, RequestCounts } from "./kv-api.ts";
import type { Proxies } from "./proxies.ts";
import { buildPaths } from "./paths.ts";
import { openRequestCounter } from "./request-counts.ts";
import { type AnswerEvent, openRequestLoop, type RetryEvent } from "./request-loop.ts";
import { RETRY_DEFAULT, type RetryOptions } from "./retry-course.ts";
import { openTransport } from "./transport.ts";
import { openWaysRound } from "./ways-round.ts";

export interface KvClientOptions {
  readonly clock: Clock;
  /** `https://api.cloudflare.com/client/v4`, with or without a trailing slash. */
  readonly baseUrl: string;
  readonly accountId: string;
  readonly credentials: Credentials;
  /** For a budget of this client's own; ignored when `budgetState` is given. */
  readonly budget?: Pick<BudgetOptions, "requests" | "windowMs" | "share" | "pollShare" | "recent"> | undefined;
  /** Shared by all clients of one account and token ({@link openBudget}). */
  readonly budgetState?: Budget | undefined;
  /** Requests at a time, for a budget of this client's own. */
  readonly concurrency?: number | undefined;
  /** None unless given, whatever the environment says. */
  readonly proxies?: Proxies | undefined;
  readonly connectTimeoutMs?: DurationMs | undefined;
  /** How long an answer may take once the request is sent. The gateway gives up after 100 seconds (524). */
  readonly headersTimeoutMs?: DurationMs | undefined;
  readonly bodyTimeoutMs?: DurationMs | undefined;
  /** How long a change feed may say nothing before it counts as lost. */
  readonly feedSilenceMs?: DurationMs | undefined;
  /** By which slow answers are judged: real time unless given, as undici's own timeouts are, whatever `clock` is. */
  readonly networkClock?: Clock | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** A request has to wait for the budget. */
  readonly onWait?: ((wait: BudgetWait) => void) | undefined;
  /** Told of each request that was sent, with its answer. */
  readonly onAnswer?: ((event: AnswerEvent) => void) | undefined;
  /** A request has waited for the budget, so long. */
  readonly onWaited?: ((waitedMs: DurationMs) => void) | undefined;
  /** Fail with `budget-exhausted` rather than wait for the budget. */
  readonly noWait?: boolean | undefined;
}

export interface KvClient extends KvApi {
  /** How far the API's clock is ahead of this machine's, by its last answer; undefined: none has told. */
  clockSkew(): DurationMs | undefined;
  readonly budget: Budget;
}

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 120_000;
const BODY_TIMEOUT_MS = 60_000;

/** @throws AppError `config-invalid` if the address, the account or the credentials cannot be used. */
export function openKvClient(options: KvClientOptions): KvClient {
  const { clock } = options;
  const endpoint = parseEndpoint(options.baseUrl, options.accountId);
  const secrets = secretsOf(options.credentials);
  const paths = buildPaths(endpoint.basePath, endpoint.accountId);
  const counter = openRequestCounter();
  let skewMs: DurationMs | undefined;
  let offersChanges = false;
  const created = new Map<NamespaceId, number>();
  const budget = options.budgetState ?? openBudget({ ...options.budget, clock, concurrency: options.concurrency });
  const transport = openTransport({
    clock: options.networkClock ?? systemClock,
    origin: endpoint.origin,
    proxies: options.proxies,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    headersTimeoutMs: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    bodyTimeoutMs: options.bodyTimeoutMs ?? BODY_TIMEOUT_MS,
    onBytesUp: (bytes) => counter.sent(bytes),
    onBytesDown: (bytes) => counter.received(bytes),
  });
  const loop = openRequestLoop({
    clock,
    budget,
    transport,
    counter,
    host: endpoint.host,
    headers: headersFor(options.credentials),
    redact: (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "[secret]"), text),
    retry: { ...RETRY_DEFAULT, ...options.retry },
    noWait: options.noWait ?? false,
    onRetry: options.onRetry,
    onWait: options.onWait,
    onAnswer: options.onAnswer,
    onWaited: options.onWaited,
    onDate: (date) => (skewMs = skewOf(date, clock.now()) ?? skewMs),
    onFeed: (isOffered) => (offersChanges = isOffered ?? offersChanges),
    isFresh: (id) => isFreshNamespace(created.get(id), clock.monotonic()),
  });

  const caller = { clock, paths, loop };
  const retry = { ...RETRY_DEFAULT, ...options.retry };
  const api: KvApi = {
    ...namespaceCalls(caller, created),
    ...valueCalls(caller, { host: endpoint.host, retry }),
    ...bulkCalls(caller),
    ...changeCalls(caller, { host: endpoint.host, silenceMs: options.feedSilenceMs ?? FEED_SILENCE_MS_MAX }),

    offersChanges: () => offersChanges,

    counts: (): RequestCounts => counter.read(),

    close: async () => {
      loop.stop(new AppError("interrupted", "the client was closed"));
      await transport.close();
    },
  };
  return { ...api, ...openWaysRound(api), budget, clockSkew: () => skewMs };
}
