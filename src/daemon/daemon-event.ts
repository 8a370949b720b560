// What happens in the daemon, as it happens: for the log, hooks and metrics. Whoever listens must not throw, and must not
// take long.

import type { BackupConfig, MappingConfig } from "../config/config.ts";
import type { BackupEvent } from "./backups/backup-loop.ts";
import type { DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import type { AnswerEvent } from "../kv/request-loop.ts";
import type { Hold } from "../journal/holds.ts";
import type { Pause } from "../journal/pauses.ts";
import type { Resolved } from "../mapping/conflicts/conflict-lines.ts";
import type { RoundReport } from "../mapping/round-port.ts";
import type { NoticeEvent } from "./notices/notice-target.ts";
import type { FullReason } from "./loop/schedule.ts";
import type { WatchState } from "../mapping/status.ts";

export type MappingEvent =
  /** `paused`: since before it was started. */
  | { readonly kind: "started"; readonly paused?: Pause | undefined }
  | { readonly kind: "stopped" }
  | { readonly kind: "round-began"; readonly step: "full" | "dirty"; readonly reasons: readonly FullReason[] }
  /** A round ended without an error; `report.changes` is what it did. */
  | { readonly kind: "round-ended"; readonly step: "full" | "dirty"; readonly report: RoundReport }
  /** A guard stopped a plan; told again when the plan that is held becomes another one. */
  | { readonly kind: "held"; readonly hold: Hold }
  | { readonly kind: "lifted" }
  /** The plan that it was held with was dropped. It is paused then. */
  | { readonly kind: "discarded"; readonly plan: string }
  /** A person decided a conflict, and it was done. */
  | { readonly kind: "conflict-resolved"; readonly resolved: Resolved }
  | { readonly kind: "paused"; readonly pause: Pause }
  | { readonly kind: "resumed" }
  /** `repeats`: failures in a row before this one. */
  | { readonly kind: "failed"; readonly error: AppError; readonly retryInMs: DurationMs; readonly repeats: number }
  | { readonly kind: "recovered" }
  | { readonly kind: "watcher"; readonly state: WatchState }
  /** The remote tells what changes there, so that it need not be polled. `isBack`: it did before. */
  | { readonly kind: "feed-up"; readonly isBack: boolean }
  /** It does not any more, and is polled until it does. `retryInMs` undefined: it is not asked to for a while. */
  | {
      readonly kind: "feed-lost";
      readonly reason: string;
      readonly hint: string | undefined;
      readonly retryInMs: DurationMs | undefined;
    }
  /** It cannot tell what has changed until now, and all keys are looked at. */
  | { readonly kind: "feed-reset"; readonly reason: string }
  /** The value of this key was written back to the folder, to `file`: number `item` of the trash. */
  | { readonly kind: "restored"; readonly key: Key; readonly item: number; readonly file: string }
  /** The scrub found values that are not what their stamps say. */
  | { readonly kind: "scrubbed"; readonly problems: readonly Problem[] }
  /** The watcher lost track, and all files are looked at. */
  | { readonly kind: "rescan"; readonly reason: string };

export type DaemonEvent =
  | (MappingEvent & { readonly mapping: MappingConfig })
  | (BackupEvent & { readonly backup: BackupConfig })
  | { readonly kind: "account-waits"; readonly account: string; readonly waitMs: DurationMs }
  /** `isNew`: the account has answered well until now, and this is worth telling of. */
  | {
      readonly kind: "account-retries";
      readonly account: string;
      readonly reason: string;
      readonly waitMs: DurationMs;
      readonly isNew: boolean;
    }
  /** An account answers again that did not for so long. */
  | { readonly kind: "account-recovered"; readonly account: string; readonly afterMs: DurationMs }
  | ({ readonly kind: "account-answered"; readonly account: string } & AnswerEvent)
  | { readonly kind: "account-waited"; readonly account: string; readonly waitedMs: DurationMs }
  | {
      readonly kind: "reloaded";
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  | { readonly kind: "folder-skipped"; readonly folder: string }
  /** To the status page. `address`: of the browser, or of the proxy that it asked. */
  | { readonly kind: "page-login" | "page-login-refused"; readonly address: string }
  /** A message to one of those who are told when a person should look. */
  | (NoticeEvent & { readonly target: string });

export type DaemonListener = (event: DaemonEvent) => void;
