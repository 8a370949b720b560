// Takes out of the tables what nobody can see any more, a portion at a time: entries that expired, what a dropped namespace had, long values
// that no key has, and changes that are too old. Of the processes over one database one does it at a time: the others have nothing to do.

import { type Clock, type EpochMs, toEpochSeconds } from "../../../core/clock.ts";
import { CHANGE_LIFETIME_MS, REPLACED_VALUE_LIFETIME_MS, type StoredNamespaceId } from "../store.ts";
import { byteaArray, int8Array } from "./binary-array.ts";
import { encodeChanges } from "./changed-keys.ts";
import { DATABASE_NOW } from "./clocks.ts";
import type { Session, Statement } from "./session.ts";

const TAKE_TURN: Statement = {
  name: "purge-turn",
  text: "SELECT name FROM kv_turn WHERE name = 'purge' FOR UPDATE SKIP LOCKED",
};
/** Asked before anything is locked: most of the time there is nothing. The least of each is the first in its index, however little the
 * database knows of its tables. */
const ANYTHING: Statement = {
  name: "purge-anything",
  text: `WITH m AS (SELECT CASE WHEN $2::boolean THEN $1::bigint ELSE LEAST($1::bigint, ${DATABASE_NOW}) END AS now)
    SELECT m.now, (SELECT min(expiration) FROM kv_entry WHERE expiration IS NOT NULL) * 1000 <= m.now,
    EXISTS (SELECT 1 FROM kv_dropped),
    (SELECT min(since) FROM kv_doomed) <= m.now - $3::bigint,
    (SELECT min(at) FROM kv_change) <= m.now - $4::bigint FROM m`,
};

const EXPIRED: Statement = {
  name: "purge-expired",
  text: "SELECT namespace, key FROM kv_entry WHERE expiration <= $1 ORDER BY expiration LIMIT $2",
};
/** As a write does: it locks the namespaces, in one order. Those that were removed are not among them. */
const LOCK: Statement = {
  name: "purge-lock",
  text: "SELECT number FROM kv_namespace WHERE number = ANY($1::bigint[]) ORDER BY number FOR UPDATE",
};
/** Looked at again, now that nobody writes to them. */
const REMOVE_EXPIRED: Statement = {
  name: "purge-remove-expired",
  text: `WITH gone AS (
      DELETE FROM kv_entry e USING unnest($1::bigint[], $2::bytea[]) AS w (namespace, key)
      WHERE e.namespace = w.namespace AND e.key = w.key AND e.expiration <= $3 RETURNING e.namespace, e.key, e.long
    ), doomed AS (
      INSERT INTO kv_doomed (value, since) SELECT long, $4::bigint FROM gone WHERE long IS NOT NULL ON CONFLICT DO NOTHING
    ) SELECT namespace, key FROM gone`,
};
const LOG: Statement = {
  name: "purge-log",
  text: `WITH n AS (
      UPDATE kv_namespace SET changes = changes + $2::bigint,
        forgotten = CASE WHEN logged_until > $3::bigint THEN forgotten ELSE changes + $2::bigint END
      WHERE number = $1 RETURNING id, number, changes, logged_until > $3::bigint AS is_logged
    ),
    logged AS (
      INSERT INTO kv_change (namespace, number, at, keys)
      SELECT n.number, n.changes - $2::bigint + c.place, $3::bigint, c.keys
      FROM n CROSS JOIN unnest($4::bytea[]) WITH ORDINALITY AS c (keys, place) WHERE n.is_logged
    ) SELECT id FROM n`,
};

const DROPPED: Statement = { name: "purge-dropped", text: "SELECT number FROM kv_dropped ORDER BY number LIMIT 1" };
const REMOVE_ORPHANS: Statement = {
  name: "purge-orphans",
  text: `WITH gone AS (
      DELETE FROM kv_entry WHERE namespace = $1 AND key = ANY(ARRAY(SELECT key FROM kv_entry WHERE namespace = $1 ORDER BY key LIMIT $2))
      RETURNING long
    ), doomed AS (
      INSERT INTO kv_doomed (value, since) SELECT long, $3::bigint FROM gone WHERE long IS NOT NULL ON CONFLICT DO NOTHING
    ) SELECT count(*) FROM gone`,
};
const REMOVE_OLD_CHANGES: Statement = {
  name: "purge-orphaned-changes",
  text: `WITH gone AS (
      DELETE FROM kv_change WHERE namespace = $1
        AND number = ANY(ARRAY(SELECT number FROM kv_change WHERE namespace = $1 AND number <= $3 ORDER BY number LIMIT $2))
      RETURNING 1
    ) SELECT count(*) FROM gone`,
};
const FORGET_DROPPED: Statement = { name: "purge-forget", text: "DELETE FROM kv_dropped WHERE number = $1" };

const DOOMED: Statement = {
  name: "purge-doomed",
  text: "SELECT value FROM kv_doomed WHERE since <= $1 ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED",
};
/** From its first portion on no write may claim it. It is the first one in order, until it is gone. */
const BEGIN_DOOMED: Statement = { name: "purge-begin-value", text: "UPDATE kv_doomed SET since = -1 WHERE value = $1" };
const REMOVE_PARTS: Statement = {
  name: "purge-parts",
  text: `WITH gone AS (
      DELETE FROM kv_part WHERE value = $1 AND number = ANY(ARRAY(SELECT number FROM kv_part WHERE value = $1 ORDER BY number DESC LIMIT $2))
      RETURNING 1
    ) SELECT count(*) FROM gone`,
};
const FORGET_DOOMED: Statement = { name: "purge-forget-value", text: "DELETE FROM kv_doomed WHERE value = $1" };

/** The newest of one namespace's old changes: up to there they go. */
const OLD_CHANGE: Statement = {
  name: "purge-old-change",
  text: `SELECT namespace, max(number) FROM (
      SELECT namespace, number FROM kv_change WHERE at <= $1 ORDER BY at LIMIT $2
    ) old GROUP BY namespace ORDER BY namespace LIMIT 1`,
};
/** Before its changes go: so a reader who misses one is told that it is forgotten. */
const FORGET_CHANGES: Statement = {
  name: "purge-forget-changes",
  text: "UPDATE kv_namespace SET forgotten = $2 WHERE number = $1 AND forgotten < $2",
};

/** What a part weighs, in rows: it is 260 times 2 KB to the database. */
const ROWS_PER_PART = 100;

interface PurgeDeps {
  readonly session: Session;
  readonly clock: Clock;
  /** The database's clock is not asked. */
  readonly trustsClock: boolean;
  /** Told of each namespace of which entries expired. */
  readonly onChanged: (namespace: StoredNamespaceId) => void;
}

/** Deletes about `count` rows, as of `given` or of the database's clock, whichever is earlier. Returns how many there were; 0: there are none, or another
 * process is at it. */
export async function purge(deps: PurgeDeps, given: EpochMs, count: number): Promise<number> {
  const { session, clock, trustsClock, onChanged } = deps;
  const [anything] = await session.query<AnythingRow>(ANYTHING, [
    given,
    String(trustsClock),
    REPLACED_VALUE_LIFETIME_MS,
    CHANGE_LIFETIME_MS,
  ]);
  if (anything === undefined) return 0;
  const [now, expired, dropped, doomed, old] = anything;
  const steps = [
    ...(expired === true ? [expiredStep] : []),
    ...(dropped ? [droppedStep] : []),
    ...(doomed === true ? [doomedStep] : []),
    ...(old === true ? [changesStep] : []),
  ];
  let removed = 0;
  for (const step of steps) {
    if (removed >= count) break;
    const changed = new Set<StoredNamespaceId>();
    const left = count - removed;
    removed += await session.atomically(async (unit) => {
      changed.clear();
      const [turn] = await unit.query(TAKE_TURN, []);
      return turn === undefined ? 0 : step({ unit, clock, changed }, now, left);
    });
    for (const namespace of changed) onChanged(namespace);
  }
  return removed;
}

type AnythingRow = readonly [
  now: EpochMs,
  expired: boolean | null,
  dropped: boolean,
  doomed: boolean | null,
  old: boolean | null,
];

interface StepDeps {
  readonly unit: Session;
  readonly clock: Clock;
  readonly changed: Set<StoredNamespaceId>;
}

async function expiredStep({ unit, clock, changed }: StepDeps, now: EpochMs, count: number): Promise<number> {
  const seconds = toEpochSeconds(now);
  const found = await unit.query<[number, Buffer]>(EXPIRED, [seconds, count]);
  const namespaces = found.map(([namespace]) => namespace);
  await unit.query(LOCK, [int8Array([...new Set(namespaces)])]);
  const at = clock.now();
  const gone = await unit.query<[number, Buffer]>(REMOVE_EXPIRED, [
    int8Array(namespaces),
    byteaArray(found.map(([, key]) => key)),
    seconds,
    at,
  ]);
  for (const [namespace, keys] of Map.groupBy(gone, ([namespace]) => namespace)) {
    const changes = encodeChanges(keys.map(([, key]) => key));
    const [row] = await unit.query<[string]>(LOG, [namespace, changes.length, at, byteaArray(changes)]);
    if (row !== undefined) changed.add(row[0]);
  }
  return gone.length;
}

async function droppedStep({ unit, clock }: StepDeps, _now: EpochMs, count: number): Promise<number> {
  const [dropped] = await unit.query<[number]>(DROPPED, []);
  if (dropped === undefined) return 0;
  const [number] = dropped;
  const entries = (await unit.query<[number]>(REMOVE_ORPHANS, [number, count, clock.now()]))[0]?.[0] ?? 0;
  if (entries === count) return count;
  const left = count - entries;
  const [changes] = await unit.query<[number]>(REMOVE_OLD_CHANGES, [number, left, Number.MAX_SAFE_INTEGER]);
  if ((changes?.[0] ?? 0) === left) return count;
  await unit.query(FORGET_DROPPED, [number]);
  return entries + (changes?.[0] ?? 0) + 1;
}

/** One value, or some of its parts; it is claimed by a write, or by this. */
async function doomedStep({ unit }: StepDeps, now: EpochMs, count: number): Promise<number> {
  const [doomed] = await unit.query<[string]>(DOOMED, [now - REPLACED_VALUE_LIFETIME_MS]);
  if (doomed === undefined) return 0;
  const parts = Math.ceil(count / ROWS_PER_PART);
  const [removed] = await unit.query<[number]>(REMOVE_PARTS, [doomed[0], parts]);
  if ((removed?.[0] ?? 0) === parts) {
    await unit.query(BEGIN_DOOMED, [doomed[0]]);
    return parts;
  }
  await unit.query(FORGET_DOOMED, [doomed[0]]);
  return (removed?.[0] ?? 0) + 1;
}

async function changesStep({ unit }: StepDeps, now: EpochMs, count: number): Promise<number> {
  const [old] = await unit.query<[number, number]>(OLD_CHANGE, [now - CHANGE_LIFETIME_MS, count]);
  if (old === undefined) return 0;
  await unit.query(FORGET_CHANGES, [...old]);
  const [removed] = await unit.query<[number]>(REMOVE_OLD_CHANGES, [old[0], count, old[1]]);
  return removed?.[0] ?? 0;
}
