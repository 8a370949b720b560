// Who watches a namespace is told that there may be something new: at once what this process did, and what another one did by LISTEN.
//
// No notification is relied on. Each few seconds the counters of all that is watched are looked at, in one query over the listening
// connection, which proves that it is alive as well. Where notifications do not arrive (CockroachDB has none, PgBouncer may not pass
// them on) that is done each second.

import pg from "pg";
import type { Clock, DurationMs } from "../../../core/clock.ts";
import type { StoredNamespaceId } from "../store.ts";
import { textArray } from "./binary-array.ts";
import { CHANNEL, parseNotice } from "./change-notices.ts";
import { failureKind } from "./failure.ts";

const LOOK_MS: DurationMs = 5000;
const LOOK_WITHOUT_LISTEN_MS: DurationMs = 1000;
/** How long one's own notification may take, before it is taken that none arrive. */
const PROBE_MS: DurationMs = 3000;
/** How many looks without LISTEN come before it is tried again. */
const LOOKS_PER_TRY = 60;
const ANSWER_TIMEOUT_MS: DurationMs = 5000;

const LOOK = "SELECT id, changes FROM kv_namespace WHERE id = ANY($1::text[])";

interface WatchDeps {
  readonly config: pg.PoolConfig;
  readonly clock: Clock;
  /** As it is named in its notices, which tell it nothing new. */
  readonly self: string;
  readonly log: (line: string) => void;
}

export interface ChangeWatch {
  watch(namespace: StoredNamespaceId, listener: () => void): () => void;
  /** What this process has changed. */
  tell(namespace: StoredNamespaceId): void;
  close(): Promise<void>;
}

export function changeWatch(deps: WatchDeps): ChangeWatch {
  const listeners = new Map<StoredNamespaceId, Set<() => void>>();
  const seen = new Map<StoredNamespaceId, number | undefined>();
  const closing = new AbortController();
  let running: Promise<void> | undefined;

  function tell(namespace: StoredNamespaceId): void {
    for (const listener of listeners.get(namespace) ?? []) listener();
  }

  /** Compares the counters with those of the last look. */
  async function look(client: pg.Client): Promise<void> {
    const ids = [...listeners.keys()];
    const query = { text: LOOK, values: [textArray(ids)], rowMode: "array" as const };
    const { rows } = await client.query<unknown[]>(query);
    const found = new Map(rows as [StoredNamespaceId, number][]);
    for (const id of ids) {
      const isNew = !seen.has(id) || seen.get(id) !== found.get(id);
      seen.set(id, found.get(id));
      if (isNew) tell(id);
    }
    for (const id of seen.keys()) if (!listeners.has(id)) seen.delete(id);
  }

  async function run(): Promise<void> {
    while (listeners.size > 0 && !closing.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        deps.log(`the connection that hears of changes was lost: ${(error as Error).message}; trying again`);
      }
      // What happened until there is another connection is found by its first look.
      await deps.clock.sleep(LOOK_WITHOUT_LISTEN_MS, closing.signal).catch(() => undefined);
    }
    running = undefined;
  }

  /** One connection, for as long as it lasts and is of use. */
  async function follow(): Promise<void> {
    const connection = await openListening(deps, closing.signal, tell);
    try {
      if (!connection.hears) deps.log("the database passes no notifications on: asking for changes each second");
      const looks = connection.hears ? Number.POSITIVE_INFINITY : LOOKS_PER_TRY;
      const pause = connection.hears ? LOOK_MS : LOOK_WITHOUT_LISTEN_MS;
      for (let count = 0; count < looks && listeners.size > 0; count++) {
        await look(connection.client);
        await Promise.race([connection.lost, deps.clock.sleep(pause, closing.signal)]);
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    } finally {
      await connection.close();
    }
  }

  return {
    tell,
    watch(namespace, listener) {
      // One of its own, so that the same function may be given twice.
      const own = () => listener();
      const others = listeners.get(namespace);
      if (others === undefined) listeners.set(namespace, new Set([own]));
      else others.add(own);
      running ??= run();
      return () => {
        const left = listeners.get(namespace);
        left?.delete(own);
        if (left?.size === 0) listeners.delete(namespace);
      };
    },
    async close() {
      closing.abort(new Error("the store was closed"));
      await running;
    },
  };
}

interface ListeningConnection {
  readonly client: pg.Client;
  /** Whether notifications arrive. */
  readonly hears: boolean;
  /** Rejects when the connection breaks. */
  readonly lost: Promise<never>;
  close(): Promise<void>;
}

async function openListening(
  { config, clock, self, log }: WatchDeps,
  signal: AbortSignal,
  tell: (namespace: StoredNamespaceId) => void,
): Promise<ListeningConnection> {
  const client = new pg.Client({ ...config, query_timeout: ANSWER_TIMEOUT_MS });
  const lost = new Promise<never>((_, reject) => {
    client.on("error", reject);
    client.on("end", () => reject(new Error("the connection ended")));
  });
  lost.catch(() => undefined); // whoever waits for it is told
  const probe = Promise.withResolvers<boolean>();
  client.on("notification", ({ payload = "" }) => {
    const { namespace, sender } = parseNotice(payload);
    if (namespace === PROBE && sender === self) probe.resolve(true);
    else if (sender !== self) tell(namespace);
  });
  await client.connect();
  const close = () => client.end().catch(() => undefined);
  try {
    await client.query(`LISTEN ${CHANNEL}`);
    await client.query("SELECT pg_notify($1, $2)", [CHANNEL, `${PROBE} ${self}`]);
    const stopped = new AbortController();
    const tooLate = clock.sleep(PROBE_MS, AbortSignal.any([signal, stopped.signal])).then(
      () => false,
      () => false,
    );
    const hears = await Promise.race([probe.promise, tooLate, lost]);
    stopped.abort();
    return { client, hears, lost, close };
  } catch (error) {
    if (!isRefusal(error)) {
      await close();
      throw error;
    }
    log(`the database knows no notifications: ${error.message}`);
    return { client, hears: false, lost, close };
  }
}

const PROBE = "probe";

/** The database is there, and says no. */
function isRefusal(error: unknown): error is Error {
  return error instanceof pg.DatabaseError && failureKind(error) === "other";
}
