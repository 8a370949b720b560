// The base of one pair of replicas, as rows of the journal. Each change of a row's version leaves the old one in the row's
// `previous`, so that a listing that lags can be recognised [I7]; a forgotten key stays as a tombstone for a day. UnsettledVersions
// and intents are rows of their own (unsettled-versions.ts, intents.ts), which end when the key's row here changes.

import type { DatabaseSync } from "node:sqlite";
import type { DurationMs, EpochMs, EpochSeconds } from "../core/clock.ts";
import type { BaseRow, Tombstone } from "../core/entry.ts";
import type { Fingerprint } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import { type Dates, openDates } from "./dates.ts";
import { openUnsettledVersions, type UnsettledVersions } from "./unsettled-versions.ts";
import { openGoneKeySettling } from "./gone-keys.ts";
import { openIntents } from "./intents.ts";
import { type Journal, transaction } from "./journal.ts";
import type { BaseChange, PairStore } from "../engine/ports.ts";
import { prepared } from "./prepared.ts";

/** Pages of 1,000 live long enough for the garbage collector to take them for old. */
const PAGE_ROWS = 250;
/** Far longer than KV was ever seen to lag. */
const TOMBSTONE_KEEP_MS = 86_400_000;
/** Only beyond this many characters are the older ones of a key's previous versions dropped, those that were replaced longer
 * ago than any listing lags. */
const PREVIOUS_CHARS_MAX = 2000;
/** Or two settle windows, if these are longer. */
const PREVIOUS_KEEP_MS_MIN = 600_000;

type Row = [
  key: string,
  fingerprint: string | null,
  metadata: string | null,
  expiration: number | null,
  size: number,
  mtimeMs: number | null,
  ctimeMs: number | null,
  inode: number | null,
  hashedAtMs: number,
  previous: string | null,
  binary: number | null,
  agreedAtMs: number,
];

/** The key as text: decoded by SQLite it is twice as fast to read as a BLOB is. */
const COLUMNS = `CAST(key AS TEXT), fingerprint, metadata, expiration, size, mtime_ms, ctime_ms, inode, hashed_at_ms, previous, binary, coalesce(agreed_at_ms, hashed_at_ms)`;

/** The base of the pair that `identity` names; a pair never seen has an empty one. */
export function openBase(journal: Journal, identity: string, settleWindowMs: DurationMs = 0): PairStore {
  const { database } = journal;
  const keepMs = Math.max(PREVIOUS_KEEP_MS_MIN, 2 * settleWindowMs);
  const id = pairOf(database, identity);
  const select = prepared(
    database,
    `SELECT ${COLUMNS}
     FROM base WHERE pair = ? AND key > ? ORDER BY key LIMIT ${PAGE_ROWS}`,
  );
  select.setReturnArrays(true);
  const selectOne = prepared(database, `SELECT ${COLUMNS} FROM base WHERE pair = ? AND key = ?`);
  selectOne.setReturnArrays(true);
  const selectBelow = prepared(
    database,
    "SELECT CAST(key AS TEXT) FROM base WHERE pair = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
  );
  selectBelow.setReturnArrays(true);
  const unsettled = openUnsettledVersions(database, id);
  const intents = openIntents(database, id);
  const dates = openDates(database, id);
  let atSource = hasPair(database, identity + AT_SOURCE) ? openAtSource(database, identity) : undefined;
  const settleGone = openGoneKeySettling(journal, id);
  const count = prepared(database, "SELECT count(*) AS n FROM base WHERE pair = ? AND fingerprint IS NOT NULL");
  return {
    scan: () => scan(select, id),
    lookup: (keys) =>
      keys.flatMap((key) => {
        const row = selectOne.get(id, Buffer.from(key)) as unknown as Row | undefined;
        return row === undefined ? [] : [baseRow(row)];
      }),
    keysBelow: (prefix, keysMax) => {
      const from = Buffer.from(prefix);
      const rows = selectBelow.all(id, from, endOf(from), keysMax) as unknown as readonly [Key][];
      return rows.map(([key]) => key);
    },
    count: () => (count.get(id) as { n: number }).n,
    commit: committer(database, { pair: id, keepMs }, (change) => {
      unsettled.settle(change);
      // Whatever it showed before, both sides agree by now.
      atSource?.unsettled.settle(change);
      intents.settle(change);
      settleGone(change);
      dates.note(change.now);
    }),
    redate: (now) => {
      dates.redate(now);
      atSource?.dates.redate(now);
    },
    intend: (to, entries, now) => {
      dates.note(now);
      intents.add(to, entries, now);
    },
    intents: () => intents.all(),
    rememberUnsettled: (entries, now) => {
      if (entries.length > 0) dates.note(now);
      unsettled.add(entries, now);
    },
    unsettled: () => unsettled.all(),
    ofSource: () => {
      const { unsettled: shown, dates: dated } = (atSource ??= openAtSource(database, identity));
      return {
        rememberUnsettled: (entries, now) => {
          if (entries.length > 0) dated.note(now);
          shown.add(entries, now);
        },
        unsettled: () => shown.all(),
      };
    },
  };
}

/** What the source of a pair showed has rows of its own, as those of another pair. */
const AT_SOURCE = "\nsource";

interface AtSource {
  readonly unsettled: UnsettledVersions;
  readonly dates: Dates;
}

function openAtSource(database: DatabaseSync, identity: string): AtSource {
  const id = pairOf(database, identity + AT_SOURCE);
  return { unsettled: openUnsettledVersions(database, id), dates: openDates(database, id) };
}

function hasPair(database: DatabaseSync, identity: string): boolean {
  return knownPair(database, identity) !== undefined;
}

/** Looks first: to insert what is there already takes a write transaction, and the turn of whoever writes. */
function pairOf(database: DatabaseSync, identity: string): number {
  const known = knownPair(database, identity);
  if (known !== undefined) return known;
  prepared(database, "INSERT INTO pair (identity) VALUES (?) ON CONFLICT DO NOTHING").run(identity);
  return knownPair(database, identity)!;
}

function knownPair(database: DatabaseSync, identity: string): number | undefined {
  const row = prepared(database, "SELECT id FROM pair WHERE identity = ?").get(identity);
  return (row as { id: number } | undefined)?.id;
}

/** What comes after all that begin with `prefix`: no byte of UTF-8 is 0xff. */
function endOf(prefix: Uint8Array): Uint8Array {
  const last = prefix.length - 1;
  return last < 0 ? ALL_END : prefix.with(last, prefix[last]! + 1);
}

const ALL_END = Uint8Array.of(0xff);

async function* scan(
  select: ReturnType<DatabaseSync["prepare"]>,
  pair: number,
): AsyncGenerator<readonly (BaseRow | Tombstone)[]> {
  let after: Uint8Array = new Uint8Array(0);
  for (;;) {
    const rows = select.all(pair, after) as unknown as Row[];
    const last = rows.at(-1);
    if (last === undefined) return;
    after = Buffer.from(last[0]);
    yield rows.map(baseRow);
    if (rows.length < PAGE_ROWS) return;
  }
}

/** By index: taking an array apart costs an object for each element, twelve a key. */
function baseRow(row: Row): BaseRow | Tombstone {
  const key = row[0] as Key;
  const fingerprint = row[1] as Fingerprint | null;
  const size = row[4];
  const mtimeMs = row[5];
  const previous = row[9];
  if (fingerprint === null) return { key, gone: true, previous: previous ?? "[]" };
  return {
    key,
    fingerprint,
    metadata: row[2] ?? undefined,
    expiration: (row[3] ?? undefined) as EpochSeconds | undefined,
    size,
    binary: row[10] === null ? undefined : row[10] === 1,
    signature: mtimeMs === null ? undefined : { size, mtimeMs, ctimeMs: row[6]!, inode: row[7]! },
    hashedAt: row[8] as EpochMs,
    agreedAt: row[11] as EpochMs,
    previous: previous ?? undefined,
  };
}

/** What `previous` becomes when a row's version goes: that version, replaced at `now`, in front of the older ones. */
function pushPrevious(now: string, keepMs: DurationMs): string {
  const older = `CASE WHEN length(previous) > ${PREVIOUS_CHARS_MAX} THEN recent_versions(previous, ${now}, ${keepMs}) ELSE previous END`;
  return `'[' || json_array(fingerprint, mark_metadata(metadata), expiration, ${now})
    || CASE WHEN previous IS NULL OR (${older}) = '[]' THEN ']' ELSE ',' || substr(${older}, 2) END`;
}

/** `settle`: what else ends with the change, in its transaction. */
function committer(
  database: DatabaseSync,
  { pair, keepMs }: { readonly pair: number; readonly keepMs: DurationMs },
  settle: (change: BaseChange) => void,
): (change: BaseChange) => void {
  // Parameters by position: by name they take twice as long.
  const isSame =
    "fingerprint IS excluded.fingerprint AND metadata IS excluded.metadata AND expiration IS excluded.expiration";
  // ?13: it was written just now. A version that is found once more was there already.
  const record = prepared(
    database,
    `INSERT INTO base VALUES (?1, CAST(?2 AS BLOB), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?12, ?14)
     ON CONFLICT DO UPDATE SET
       agreed_at_ms = CASE WHEN NOT ?13 AND ${isSame} THEN coalesce(agreed_at_ms, hashed_at_ms) ELSE excluded.agreed_at_ms END,
       previous = CASE
         WHEN ${isSame}
         THEN previous ELSE ${pushPrevious("?11", keepMs)} END,
       fingerprint = excluded.fingerprint, metadata = excluded.metadata, expiration = excluded.expiration,
       size = excluded.size, mtime_ms = excluded.mtime_ms, ctime_ms = excluded.ctime_ms, inode = excluded.inode,
       hashed_at_ms = excluded.hashed_at_ms, binary = coalesce(excluded.binary, binary)`,
  );
  const forget = prepared(
    database,
    `UPDATE base SET previous = ${pushPrevious("?3", keepMs)}, fingerprint = NULL, metadata = NULL, expiration = NULL, hashed_at_ms = ?3
     WHERE pair = ?1 AND key = ?2 AND fingerprint IS NOT NULL`,
  );
  const purge = prepared(database, "DELETE FROM base WHERE pair = ? AND fingerprint IS NULL AND hashed_at_ms < ?");
  return (change) => {
    const { record: rows, forget: keys, now } = change;
    transaction(database, () => {
      for (const row of rows) {
        const { signature } = row;
        record.run(
          pair,
          row.key,
          row.fingerprint,
          row.metadata ?? null,
          row.expiration ?? null,
          row.size,
          signature?.mtimeMs ?? null,
          signature?.ctimeMs ?? null,
          signature?.inode ?? null,
          row.hashedAt,
          now,
          row.binary === undefined ? null : Number(row.binary),
          Number(change.overwrites ?? false),
          row.agreedAt,
        );
      }
      for (const key of keys) forget.run(pair, Buffer.from(key), now);
      settle(change);
      purge.run(pair, now - TOMBSTONE_KEEP_MS);
    });
  };
}
