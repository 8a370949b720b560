// The server's data in a PostgreSQL database: many processes may have it open, on many machines.
//
// Written for PostgreSQL 15 and later; and for what speaks its protocol and scales out: no statement relies on what only PostgreSQL has, but
// for LISTEN and NOTIFY, which make things faster where they are.

import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Clock, DurationMs } from "../../../core/clock.ts";
import type { Store, StoredNamespaceId, WritableStore } from "../store.ts";
import { changeReader } from "./change-log.ts";
import { changeNotices } from "./change-notices.ts";
import { changeWatch } from "./change-watch.ts";
import { compareClocks } from "./clocks.ts";
import { openFailure, openPool, parseDatabaseUrl } from "./connection.ts";
import { entryReader } from "./entries.ts";
import { stageValue } from "./long-values.ts";
import { sqlState } from "./failure.ts";
import { groupedWriter } from "./group-commit.ts";
import { type Draw, drawAgain, drawBy, namespaceStore } from "./namespaces.ts";
import { purge } from "./purge.ts";
import { checkTables, migrate } from "./schema.ts";
import { openSessions, type Session, type Statement } from "./session.ts";
import { entryWriter } from "./writes.ts";

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. */
  readonly url: string;
  readonly clock: Clock;
  /** Told of trouble that passes. */
  readonly log: (line: string) => void;
  /** Told of what a person should mend; `log` unless given. */
  readonly warn?: (line: string) => void;
  /** Of a test, whose clock is no machine's: what `purge` is told is the time, whatever the database's clock says. */
  readonly trustsClock?: boolean;
}

const CHECK: Statement = { name: "check", text: "SELECT 1" };
/** Of a check: who asks is a load balancer, which does not wait. */
const CHECK_TIMEOUT_MS: DurationMs = 2000;

/** Connects, and makes the tables where they are missing. Throws AppError: "usage" (the URL), "network", "unauthorized", "unsupported" (an old server),
 * "state-damaged" (tables of a newer kvsync). */
export async function openPostgresStore({
  url,
  clock,
  log,
  warn = log,
  trustsClock = false,
}: PostgresOptions): Promise<Store> {
  const parsed = parseDatabaseUrl(url);
  let isMigrated = false;
  const pool = openPool(parsed, async (client) => {
    if (isMigrated) await checkTables(client);
  });
  const closing = new AbortController();
  const pooled = openSessions({ pool, size: parsed.size, clock, log, closing: closing.signal });
  try {
    await connectOnce(pool);
    await migrate(pooled, parsed.label);
    isMigrated = true;
    if (!trustsClock) await compareClocks(pooled, clock, warn);
  } catch (error) {
    await pool.end();
    throw openFailure(parsed.label, error);
  }
  const self = randomUUID();
  const watch = changeWatch({ config: parsed.config, clock, self, log });
  const notices = changeNotices({ session: pooled, clock, sender: self, log });
  const onChanged = (namespace: StoredNamespaceId) => {
    watch.tell(namespace);
    notices.send(namespace);
  };
  const draw = drawBy(clock);
  const over = (session: Session, own: Draw, changed: (namespace: StoredNamespaceId) => void): WritableStore => ({
    namespaces: namespaceStore({ session, draw: own, onRemoved: changed }),
    entries: { ...entryReader({ session, pool: pooled }), ...entryWriter({ session, clock, onChanged: changed }) },
  });
  const { namespaces, entries } = over(pooled, draw, onChanged);
  let closed: Promise<void> | undefined;
  return {
    namespaces,
    entries: { ...entries, ...groupedWriter(entries) },
    async transaction(body) {
      const changed = new Set<StoredNamespaceId>();
      const own = drawAgain(draw);
      const result = await pooled.serializable(async (session) => {
        changed.clear();
        own.again();
        return body(over(session, own, (namespace) => changed.add(namespace)));
      });
      for (const namespace of changed) onChanged(namespace);
      return result;
    },
    changes: { ...changeReader(pooled, clock), watch: (namespace, listener) => watch.watch(namespace, listener) },
    stage: (chunks) => stageValue(pooled, clock, chunks),
    purge: (now, count) => purge({ session: pooled, clock, trustsClock, onChanged }, now, count),
    check: () => pooled.once(CHECK, CHECK_TIMEOUT_MS),
    close: () =>
      (closed ??= (async () => {
        closing.abort(new Error("the store was closed"));
        await Promise.all([watch.close(), notices.close()]);
        await pool.end();
      })()),
  };
}

/** Without the repetitions: what is named wrongly is told at once. A database that is just starting is waited for by what comes next. */
async function connectOnce(pool: pg.Pool): Promise<void> {
  try {
    (await pool.connect()).release();
  } catch (error) {
    if (sqlState(error) !== CANNOT_CONNECT_NOW) throw error;
  }
}

const CANNOT_CONNECT_NOW = "57P03";
