// Statements and transactions, asked of a pool of connections: repeated where a connection was lost or another transaction was in the
// way, until that has no use any more.
//
// So what is asked through a session may be carried out twice: once without an answer, and once with one. Where that would do harm, the statement is
// marked `once`: as soon as it may have been carried out it is not asked again, and who asked is told so. A value is such a thing: a write that
// comes a second time would take the place of what others have written since. Where an answer would differ, `isRepeated` tells.

import pLimit from "p-limit";
import type pg from "pg";
import { backoffMs } from "../../../core/backoff.ts";
import type { Clock, DurationMs, MonotonicMs } from "../../../core/clock.ts";
import { StoreUnavailable } from "../store.ts";
import { failureKind, inDoubt, isLost, unavailable } from "./failure.ts";

/** A statement that is prepared under its name, once for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** It is repeated only if it was certainly not carried out; and so is a transaction that asks it. */
  readonly once?: true;
}

export type Parameter = string | number | bigint | Buffer | null;

/** Rows are arrays: they are half the work of objects. */
export interface Session {
  query<Row extends readonly unknown[]>(statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** What `body` asks of its session is done as a whole, or not at all. Within such a session, part of what is under way. */
  atomically<T>(body: Unit<T>): Promise<T>;
  /** Whether it was that of a transaction which has ended: it is not to be used any more. */
  isOver(): boolean;
}

/** It may be run again from its start. `isRepeated`: and may then have been done already. */
type Unit<T> = (session: Session, isRepeated: boolean) => Promise<T>;

/** "read committed" sees each statement's present: what locks its namespace first needs no more. */
type Isolation = "READ COMMITTED" | "SERIALIZABLE";

export interface Sessions extends Session {
  /** As of one moment. */
  serializable<T>(body: Unit<T>): Promise<T>;
  /** Once, and within `timeout`, over the connection that is kept for this. */
  once(statement: Statement, timeout: DurationMs): Promise<void>;
}

/** A restart of the database, or a change to its stand-by, is over by then in most cases; a client's patience is not. */
const REPEATED_FOR_MS: DurationMs = 10_000;
/** How long one waits for others to be done with their connections. The pool's own patience is for connecting. */
const TURN_TIMEOUT_MS: DurationMs = 30_000;
const BACKOFF = { baseMs: 25, capMs: 1000 };

interface SessionDeps {
  readonly pool: pg.Pool;
  /** How many of the pool's connections are used at once. There is one more, for checks. */
  readonly size: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Aborted: nothing is repeated any more. */
  readonly closing: AbortSignal;
}

export function openSessions(deps: SessionDeps): Sessions {
  const state = { prepares: true };
  const withClient = inTurn(deps);
  const within = <T>(isolation: Isolation, body: Unit<T>) =>
    repeat(deps, state, (attempt) =>
      withClient(async (client) => {
        const session = sessionOf(client, state, attempt);
        try {
          return await transaction(client, isolation, attempt, () => body(session, attempt.isRepeated));
        } finally {
          session.end();
        }
      }),
    );
  return {
    query: (statement, parameters) =>
      repeat(deps, state, (attempt) =>
        withClient((client) => {
          attempt.isOnce = statement.once === true;
          attempt.isSent = true;
          return ask(client, state, statement, parameters);
        }),
      ),
    atomically: (body) => within("READ COMMITTED", body),
    isOver: () => false,
    serializable: (body) => within("SERIALIZABLE", body),
    once: (statement, timeout) => askOnce(deps, statement, timeout),
  };
}

interface State {
  /** Whether statements are prepared by name. It saves a fifth of the work of a short one. PgBouncer in transaction mode keeps names since 1.21
   * (`max_prepared_statements`); the first failure of an older one turns it off. */
  prepares: boolean;
}

/** One try at what is repeated. */
interface Attempt {
  /** An earlier try may have been carried out. */
  readonly isRepeated: boolean;
  /** What makes it last was sent: the statement, or the COMMIT of a transaction. Without that it was certainly not carried out. */
  isSent: boolean;
  /** A statement that is `once` is part of it. */
  isOnce: boolean;
}

/** That of a transaction. */
interface UnitSession extends Session {
  end(): void;
}

function sessionOf(client: pg.PoolClient, state: State, attempt: Attempt): UnitSession {
  let isOver = false;
  const session: UnitSession = {
    query: (statement, parameters) => {
      attempt.isOnce ||= statement.once === true;
      return ask(client, state, statement, parameters);
    },
    atomically: (body) => body(session, attempt.isRepeated),
    isOver: () => isOver,
    end: () => {
      isOver = true;
    },
  };
  return session;
}

async function ask<Row extends readonly unknown[]>(
  client: pg.PoolClient,
  { prepares }: State,
  { name, text }: Statement,
  values: readonly Parameter[],
): Promise<Row[]> {
  const query = { text, values: values as Parameter[], rowMode: "array" as const, ...(prepares ? { name } : {}) };
  const { rows } = await client.query<unknown[]>(query);
  return rows as unknown as Row[];
}

type WithClient = <T>(body: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

/** As many at once as there are connections, in the order in which they came. */
function inTurn({ pool, size, clock }: SessionDeps): WithClient {
  const limit = pLimit(size);
  return (body) => {
    const since = clock.monotonic();
    return limit(() => {
      if (clock.monotonic() - since > TURN_TIMEOUT_MS)
        throw new StoreUnavailable("too much is asked of the database: waited too long for a connection");
      return withClient(pool, body);
    });
  };
}

/** A connection that was lost, or may have been, is not given back for others. */
async function withClient<T>(pool: pg.Pool, body: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const result = await body(client);
    client.release();
    return result;
  } catch (error) {
    client.release(isLost(error) || client.getTransactionStatus() !== "I");
    throw error;
  }
}

async function transaction<T>(
  client: pg.PoolClient,
  isolation: Isolation,
  attempt: Attempt,
  body: () => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  try {
    const result = await body();
    // A transaction in which a statement failed ends with a rollback, whatever is asked for.
    attempt.isSent = true;
    const { command } = await client.query("COMMIT");
    if (command !== "COMMIT") throw new Error(`the transaction ended with ${command}`);
    return result;
  } catch (error) {
    if (!isLost(error)) await rollback(client);
    throw error;
  }
}

/** If it fails the connection is in a transaction still, and is not used again: that is its end too. */
async function rollback(client: pg.PoolClient): Promise<void> {
  await client.query("ROLLBACK").catch(() => undefined);
}

async function askOnce({ pool, clock }: SessionDeps, { text }: Statement, timeout: DurationMs): Promise<void> {
  const done = new AbortController();
  const asked = withClient(pool, (client) => client.query({ text, query_timeout: timeout } as pg.QueryConfig));
  const tooLate = clock.sleep(timeout, done.signal).then(() => {
    throw new Error(`no answer within ${timeout} ms`);
  });
  tooLate.catch(() => undefined); // it is waited for here only
  asked.catch(() => undefined);
  try {
    await Promise.race([asked, tooLate]);
  } catch (error) {
    throw unavailable(error);
  } finally {
    done.abort();
  }
}

async function repeat<T>(deps: SessionDeps, state: State, body: (attempt: Attempt) => Promise<T>): Promise<T> {
  const { clock } = deps;
  let failedSince: MonotonicMs | undefined;
  let isRepeated = false;
  for (let retry = 0; ; retry++) {
    const attempt: Attempt = { isRepeated, isSent: false, isOnce: false };
    try {
      return await body(attempt);
    } catch (error) {
      const kind = failureKind(error);
      if (kind === "other") throw error;
      const mayBeDone = attempt.isSent && (kind === "lost" || kind === "unknown");
      if (mayBeDone && attempt.isOnce) throw inDoubt(error);
      isRepeated ||= mayBeDone;
      failedSince ??= clock.monotonic();
      const isLong = clock.monotonic() - failedSince >= REPEATED_FOR_MS;
      if (kind === "stuck" || isLong || deps.closing.aborted) throw unavailable(error);
      if (isLost(error)) deps.log(`lost the connection to the database: ${(error as Error).message}; trying again`);
      if (kind === "unprepared") state.prepares = false;
      await clock.sleep(backoffMs(retry, BACKOFF, clock.random()), deps.closing).catch(() => {
        throw unavailable(error);
      });
    }
  }
}
