// A notice: what a person should look at, or need not any more, as it is sent. The JSON form is a contract with those who receive it:
// fields are added, and never change their meaning; a change that breaks it is another version. Moments are epoch milliseconds;
// what is not known, or is not, is null.

import type { NoticeEvent } from "../config/config.ts";
import type { DurationMs, EpochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";

/** What every item tells, and what only those of its event do. */
export interface NoticeItem {
  /** `test`: somebody wants to see whether notices arrive. */
  readonly event: NoticeEvent | "test";
  /** Exactly one of these three names what it is about; of a test none. */
  readonly mapping: string | null;
  readonly backup: string | null;
  readonly account: string | null;
  /** When it began; null: not known. */
  readonly since: EpochMs | null;
  /** What is wrong, or was, in lower case, for people. */
  readonly message: string;
  /** What to do about it, for people. */
  readonly hint: string | null;
  /** What to type next. */
  readonly command: string | null;
  /** It was told before, and lasts. */
  readonly again: boolean;
  /** held: the plan, and what it would do. */
  readonly plan?: string;
  readonly guard?: string;
  readonly writes?: number;
  readonly removes?: number;
  /** failing: one of the codes that the README lists. */
  readonly code?: ErrorCode;
  /** conflict: how many keys both sides had changed, and the first of them. */
  readonly count?: number;
  readonly keys?: readonly string[];
  /** conflict: true: they wait for a person; false: it was done what the mapping's `conflict` says. */
  readonly waits?: boolean;
  /** recovered: of what, and how long that had lasted. */
  readonly was?: NoticeEvent;
  readonly lastedMs?: DurationMs;
  /** backup-old: when the last complete run began; null: there was none. */
  readonly lastCompleteAt?: EpochMs | null;
}

export interface Notice {
  readonly type: "kvsync.notice";
  readonly version: 1;
  /** The same each time that this notice is sent. */
  readonly id: string;
  readonly at: EpochMs;
  /** The machine's name. */
  readonly host: string;
  /** Of the daemon that tells. */
  readonly stateDir: string;
  /** The first of them. */
  readonly items: readonly NoticeItem[];
  /** How many there are besides. */
  readonly moreItems: number;
  /** All of it, for people: it reads well in a chat. */
  readonly text: string;
}
