// The Workers KV server: the REST API over a store, as `kvsync serve`, as an account with
// `endpoint: embedded`, and in tests.
//
// On node:http itself and no framework, since it must route on the request target as it was sent (route.ts).

import { isIPv6 } from "node:net";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { isLoopback } from "../core/loopback.ts";
import { openAccess } from "./access/access.ts";
import { CONNECTIONS_DEFAULT } from "./access/connection-limit.ts";
import { openHealth } from "./access/health.ts";
import type { Change } from "./access/recorded-change.ts";
import type { TokenGrant } from "./access/rights.ts";
import type { AnsweredExchange } from "./answered-exchange.ts";
import { describeError } from "./describe-error.ts";
import { faultState } from "./fault-state.ts";
import { type CheckedPlan, type FaultPlan, parseFaultPlan } from "./faults.ts";
import { type Feeds, openFeeds } from "./feed/feeds.ts";
import { openListener } from "./listener.ts";
import type { CountedOperation } from "./operation-name.ts";
import { failureWarner } from "./failures.ts";
import { lazyPurge, purgeAll } from "./purge.ts";
import { MOUNT } from "./route.ts";
import { openMemory } from "./server-memory.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import type { ReadOnlyStore, Soon, Store } from "./store/store.ts";

export interface ServerOptions {
  readonly clock: Clock;
  /** Path of the SQLite file, which is created if it is missing; or ":memory:". Or a store, which stays the caller's. */
  readonly database: string | Store | ReadOnlyStore;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0, or not given: a free one. */
  readonly port?: number;
  /** The only token that is accepted. */
  readonly token?: string;
  /** The tokens that are accepted, and what for. Neither this nor `token`: any token is accepted, and only loopback is listened on. */
  readonly tokens?: readonly TokenGrant[];
  /** How many connections there may be at once: 1,000 unless given. */
  readonly maxConnections?: number;
  /** How long a client may take until its request has begun: 30 s unless given. */
  readonly headersTimeoutMs?: DurationMs;
  /** Whether it is X-Forwarded-For that tells who asks. */
  readonly trustProxy?: boolean;
  /** Whether a namespace id that is not 32 hexadecimal digits is malformed (as in production, and unless given), or
   * just not found. */
  readonly strictIds?: boolean;
  /** Awaited before the server listens. Not called where the store only reads. */
  readonly prepare?: (store: Store) => Promise<void>;
  readonly faults?: FaultPlan;
  /** Whether `PUT /client/v4/__test/faults` replaces the fault plan. */
  readonly testApi?: boolean;
  /** Whether an answer of 500 or 503 says what the server failed at: where all clients are of this process, which has nobody else to tell.
   * Not unless given. */
  readonly tellsWhy?: boolean;
  /** Told a line for each request, and for each error. */
  readonly log?: (line: string) => void;
  /** Told what a person should know of. */
  readonly warn?: (message: string) => void;
  /** Told of each request that was to change something, when it has been carried out or refused. */
  readonly onChange?: (change: Change) => void;
  /** Told each request with the answer it was given; those that got none, or half of one, are left out. */
  readonly onAnswer?: (exchange: AnsweredExchange) => void;
}

/** Requests received so far, by operation, whatever became of them; "other" are those that are no operation. */
type ServerCounts = Readonly<Record<CountedOperation | "total", number>>;

export interface RunningServer {
  /** `http://127.0.0.1:8787/client/v4`. */
  readonly url: string;
  readonly port: number;
  /** Replaces the fault plan: its counts start anew. `{}` ends all faults. Throws AppError "usage". */
  setFaults(plan: FaultPlan): void;
  /** Takes these tokens in place of those before, where `tokens` was given. */
  setTokens(tokens: readonly TokenGrant[]): void;
  counts(): ServerCounts;
  /** Requests are served as ever, but each is the last on its connection, and /health says that the server stops: until `close`. */
  drain(): void;
  /** Finishes the requests that have begun, then lets go of the port and the file. Clients that take longer than five seconds are not waited for, which
   * `warn` is told. May be called again. */
  close(): Promise<void>;
}

/** Opens the server and resolves once it listens. Throws AppError: "usage" (no token beyond loopback), "io",
 * "state-damaged", "locked" (the file), "address-in-use". */
export async function openServer(options: ServerOptions): Promise<RunningServer> {
  const { clock, host = "127.0.0.1" } = options;
  if (options.token === undefined && options.tokens === undefined && !isLoopback(host)) {
    throw new AppError("usage", `will not listen on ${visible(host)} without a token`, {
      hint: "set a token (--token, or --tokens for several), or listen on 127.0.0.1",
    });
  }
  const plan = parseFaultPlan(options.faults ?? {});
  const log = options.log ?? (() => undefined);
  const { store, feeds, afterReply, close } = await openStore(options.database, clock, log);
  const warn = options.warn ?? log;
  const access = openAccess({
    clock,
    token: options.token,
    tokens: options.tokens,
    trustProxy: options.trustProxy ?? false,
    warn,
  });
  const closeAll = async (): Promise<void> => {
    access.close();
    await close();
  };
  try {
    const counts = zeroCounts();
    let faults = faultState(plan, store, clock);
    const setFaults = (next: CheckedPlan) => {
      faults = faultState(next, store, clock);
      if (!faults.offersFeed) feeds?.end("changes show later than they are told of, by a new fault plan");
    };
    const listener = openListener({
      clock,
      access,
      strictIds: options.strictIds ?? true,
      testApi: options.testApi ?? false,
      tellsWhy: options.tellsWhy ?? false,
      faults: () => faults,
      setFaults,
      count: (operation) => {
        counts[operation]++;
        counts.total++;
      },
      memory: openMemory(),
      log,
      onFailure: failureWarner(clock, warn),
      onAnswer: options.onAnswer,
      onChange: options.onChange,
      health: openHealth({ clock, check: () => ("isReadOnly" in store ? undefined : store.check()), warn }),
      maxConnections: options.maxConnections ?? CONNECTIONS_DEFAULT,
      headersTimeoutMs: options.headersTimeoutMs,
      warn,
      afterReply,
      feeds,
    });
    let closed: Promise<void> | undefined;
    if (!("isReadOnly" in store)) await options.prepare?.(store);
    const port = await listener.listen(host, options.port ?? 0);
    return {
      url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}${MOUNT}`,
      port,
      setFaults: (next) => setFaults(parseFaultPlan(next)),
      drain: () => listener.drain(),
      setTokens: (tokens) => access.setTokens(tokens),
      counts: () => ({ ...counts }),
      close: () => (closed ??= listener.close().then(closeAll)),
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface OpenStore {
  readonly store: Store | ReadOnlyStore;
  /** Of what changes in it; undefined: nothing does. */
  readonly feeds: Feeds | undefined;
  /** What is done after each reply. */
  readonly afterReply: () => void;
  readonly close: () => Soon<void>;
}

async function openStore(
  given: ServerOptions["database"],
  clock: Clock,
  log: (line: string) => void,
): Promise<OpenStore> {
  const store = typeof given === "string" ? await openSqliteStore(given, clock) : given;
  if ("isReadOnly" in store) return { store, feeds: undefined, afterReply: () => undefined, close: () => undefined };
  const purge = lazyPurge(store, clock, (error) => log(`error: ${describeError(error)}`));
  return {
    store,
    feeds: openFeeds({ changes: store.changes, clock, log, purge: (signal) => purgeAll(purge, signal) }),
    afterReply: () => void purge(),
    close: () => (typeof given === "string" ? store.close() : undefined),
  };
}

function zeroCounts(): Record<CountedOperation | "total", number> {
  return {
    list: 0,
    bulkWrite: 0,
    bulkDelete: 0,
    bulkGet: 0,
    read: 0,
    write: 0,
    delete: 0,
    metadata: 0,
    namespace: 0,
    changes: 0,
    other: 0,
    total: 0,
  };
}
