// The log of changes as it is read. Who writes to a namespace holds its row until he has committed (writes.ts): so a number that can be
// read is never followed by a lower one.
//
// Most namespaces are followed by nobody, and would fill the log for nothing: that of a namespace is kept from when somebody first asks for
// it, and as long as somebody comes back. Who writes without a log moves `forgotten` on, so that no clock decides what a reader missed.

import type { Clock, EpochMs } from "../../../core/clock.ts";
import { type ChangeLog, LOG_KEPT_MS, type StoredNamespaceId } from "../store.ts";
import { decodeChange } from "./changed-keys.ts";
import type { Session, Statement } from "./session.ts";

const LAST: Statement = { name: "change-last", text: "SELECT changes, logged_until FROM kv_namespace WHERE id = $1" };
const KEEP: Statement = {
  name: "change-keep",
  text: "UPDATE kv_namespace SET logged_until = $2 WHERE id = $1 RETURNING changes",
};
/** One row at least, if there is the namespace. */
const READ: Statement = {
  name: "change-read",
  text: `SELECT n.changes, n.forgotten, n.logged_until, c.number, c.keys FROM kv_namespace n
    LEFT JOIN LATERAL (
      SELECT number, keys FROM kv_change WHERE namespace = n.number AND number > $2 ORDER BY number LIMIT $3
    ) c ON true
    WHERE n.id = $1 ORDER BY c.number`,
};

type Row = readonly [
  newest: number,
  forgotten: number,
  loggedUntil: number,
  number: number | null,
  keys: Buffer | null,
];

/** A database that is restored, or a stand-by that takes its place, was started since. */
const ERA: Statement = { name: "change-era", text: "SELECT extract(epoch FROM pg_postmaster_start_time())::text" };

export function changeReader(session: Session, clock: Clock): Pick<ChangeLog, "era" | "last" | "read"> {
  /** Returns the number of the newest change; whoever writes from then on logs it. */
  async function keep(namespace: StoredNamespaceId, now: EpochMs): Promise<number | undefined> {
    const [row] = await session.query<[number]>(KEEP, [namespace, now + LOG_KEPT_MS]);
    return row?.[0];
  }

  return {
    async era() {
      const [row] = await session.query<[string]>(ERA, []);
      return (row?.[0] ?? "").replace(".", "-");
    },
    async last(namespace) {
      const [row] = await session.query<[number, number]>(LAST, [namespace]);
      const now = clock.now();
      if (row === undefined || row[1] > now + LOG_KEPT_MS / 2) return row?.[0];
      return keep(namespace, now);
    },
    async read(namespace, after, count) {
      const rows = await session.query<Row>(READ, [namespace, after, count]);
      if (rows[0] === undefined) return undefined;
      const [newest, forgotten, loggedUntil] = rows[0];
      if (after < forgotten || after > newest) return "forgotten";
      const now = clock.now();
      if (loggedUntil < now + LOG_KEPT_MS / 2) await keep(namespace, now);
      return rows.flatMap(([, , , number, keys]) =>
        number === null || keys === null ? [] : [{ number, keys: decodeChange(keys) }],
      );
    },
  };
}
