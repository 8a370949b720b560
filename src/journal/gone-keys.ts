// Keys of one pair that were seen to be gone at one side, and whose removal from the other waits. Only keys that are gone have a row. It
// ends when the key is back, or is removed, or both sides agree on it anew.

import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import type { BaseChange, GoneKeys } from "../engine/ports.ts";
import { clockJump, type Look, takeLook } from "./clock-jump.ts";
import { type Journal, transaction } from "./journal.ts";
import { prepared } from "./prepared.ts";

export interface GoneKeyTable extends GoneKeys {
  /** Where the time of day was set since the last call, what was seen before counts from as long ago as it is. To be called
   * before a round. */
  followClock(clock: Pick<Clock, "now" | "monotonic">): void;
  /** How many there are, and since when the one is gone that is the next to have been so for `afterMs`: those that had been by `now`
   * wait for nothing any more. */
  waiting(now: EpochMs, afterMs: DurationMs): { readonly keys: number; readonly since: EpochMs } | undefined;
  /** None of them is gone any more, as far as is known. */
  clear(): void;
}

export function openGoneKeys({ database }: Pick<Journal, "database">, identity: string): GoneKeyTable {
  const pair = "(SELECT id FROM pair WHERE identity = ?1)";
  const since = prepared(database, `SELECT since_ms FROM gone_key WHERE pair = ${pair} AND key = ?2 AND side = ?3`);
  const between = prepared(
    database,
    `SELECT CAST(key AS TEXT) AS key FROM gone_key WHERE pair = ${pair} AND key > ?2 AND (?3 IS NULL OR key <= ?3) ORDER BY key`,
  );
  const any = prepared(database, `SELECT 1 FROM gone_key WHERE pair = ${pair} LIMIT 1`);
  const one = prepared(database, `SELECT 1 FROM gone_key WHERE pair = ${pair} AND key = ?2`);
  const insert = prepared(database, `INSERT OR REPLACE INTO gone_key VALUES (${pair}, ?2, ?3, ?4)`);
  const remove = prepared(database, `DELETE FROM gone_key WHERE pair = ${pair} AND key = ?2`);
  const waiting = prepared(
    database,
    `SELECT count(*) AS keys, min(since_ms) AS since FROM gone_key WHERE pair = ${pair} AND since_ms > ?2`,
  );
  const removeAll = prepared(database, `DELETE FROM gone_key WHERE pair = ${pair}`);
  const lastLook = prepared(
    database,
    `SELECT at_ms AS at, monotonic_ms AS monotonic, boot FROM gone_look WHERE pair = ${pair}`,
  );
  const setLook = prepared(database, `INSERT OR REPLACE INTO gone_look VALUES (${pair}, ?2, ?3, ?4)`);
  const move = prepared(database, `UPDATE gone_key SET since_ms = since_ms + ?2 WHERE pair = ${pair}`);
  return {
    since: ({ key, side }) =>
      (since.get(identity, Buffer.from(key), side) as { readonly since_ms: EpochMs } | undefined)?.since_ms,
    between: (after, upTo) =>
      (
        between.all(identity, Buffer.from(after ?? ""), upTo === undefined ? null : Buffer.from(upTo)) as {
          readonly key: Key;
        }[]
      ).map(({ key }) => key),
    among: (keys) =>
      any.get(identity) === undefined ? [] : keys.filter((key) => one.get(identity, Buffer.from(key)) !== undefined),
    note({ fresh, over, now }) {
      if (fresh.length + over.length === 0) return;
      transaction(database, () => {
        for (const { key, side } of fresh) insert.run(identity, Buffer.from(key), side, now);
        for (const key of over) remove.run(identity, Buffer.from(key));
      });
    },
    followClock(clock) {
      const look = takeLook(clock);
      const last = lastLook.get(identity) as Look | undefined;
      const jump = last === undefined ? 0 : clockJump(last, look);
      transaction(database, () => {
        setLook.run(identity, look.at, look.monotonic, look.boot);
        if (jump !== 0) move.run(identity, jump);
      });
    },
    waiting(now, afterMs) {
      const { keys, since } = waiting.get(identity, now - afterMs) as {
        readonly keys: number;
        readonly since: EpochMs;
      };
      return keys === 0 ? undefined : { keys, since };
    },
    clear: () => void removeAll.run(identity),
  };
}

/** Within the transaction that changes these rows of the base. */
export function openGoneKeySettling(
  { database }: Pick<Journal, "database">,
  pair: number,
): (change: Pick<BaseChange, "record" | "forget">) => void {
  const any = prepared(database, "SELECT 1 FROM gone_key WHERE pair = ? LIMIT 1");
  const remove = prepared(database, "DELETE FROM gone_key WHERE pair = ? AND key = ?");
  return ({ record, forget }) => {
    if (any.get(pair) === undefined) return;
    for (const { key } of record) remove.run(pair, Buffer.from(key));
    for (const key of forget) remove.run(pair, Buffer.from(key));
  };
}
