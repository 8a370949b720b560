// The clock of this machine and that of the database. Several servers share a database, and what one deletes is gone for all: none deletes by a clock
// of its own that is ahead of the others'.

import type { Clock, DurationMs, EpochMs } from "../../../core/clock.ts";
import type { Session, Statement } from "./session.ts";

/** Milliseconds since 1970, in SQL. */
export const DATABASE_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const ASK: Statement = { name: "database-now", text: `SELECT ${DATABASE_NOW}` };
/** An expiration is in whole seconds; the shortest life of a key is 60. */
const DIFFERENCE_MAX_MS: DurationMs = 5000;

/** Says so in one line if they differ by more than a few seconds. */
export async function compareClocks(session: Session, clock: Clock, log: (line: string) => void): Promise<void> {
  const before = clock.now();
  const [row] = await session.query<[EpochMs]>(ASK, []);
  const after = clock.now();
  if (row === undefined) return;
  const [there] = row;
  const difference = there < before ? before - there : Math.max(0, there - after);
  if (difference <= DIFFERENCE_MAX_MS) return;
  const seconds = Math.round(difference / 1000);
  const which = there < before ? "ahead of" : "behind";
  log(
    `the clock of this machine is ${seconds} s ${which} that of the database: keys expire here by this machine's clock, and are deleted once both clocks say so; let NTP set both`,
  );
}
