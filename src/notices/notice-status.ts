// How the notices to one target stand: plain data, for `kvsync status`, its JSON and metrics. The JSON form is a contract with scripts: fields are
// added, and never change their meaning.

import type { EpochMs } from "../core/clock.ts";

export interface NoticeStatus {
  readonly target: string;
  readonly kind: "webhook" | "program";
  /** Messages that arrived, and tries that failed, since the daemon started. */
  readonly sent: number;
  readonly failed: number;
  /** Things that the message tells which is on its way; 0: there is none. */
  readonly waiting: number;
  /** When a message last arrived; null: never. */
  readonly lastSentAt: EpochMs | null;
  /** Why the last message did not arrive; null: it did, or there was none. */
  readonly undelivered: Undelivered | null;
}

export interface Undelivered {
  /** The first try in a row that failed. */
  readonly since: EpochMs;
  /** In lower case, for people. */
  readonly reason: string;
  readonly hint: string | null;
  /** False: the receiver refused it, or it was given up. */
  readonly isTriedAgain: boolean;
}
