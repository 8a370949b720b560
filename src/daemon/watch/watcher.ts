// The port through which the daemon learns that files may have changed. Events are hints, never truth: they say where to
// look, and what a scan finds there decides. So a watcher may report too much, but whatever it may have missed it must
// cover by `onRescan` afterwards.

import type { WatchMode } from "../../config/config.ts";
import type { Clock, DurationMs } from "../../core/clock.ts";
import type { WatchState } from "../../mapping/status.ts";

export interface Watcher {
  /** How it watches now, for `kvsync status`. */
  readonly state: () => WatchState;
  /** Sees to it that every folder is watched, or will be after `caughtUp`. Call it right before a full rescan: then nothing stays unwatched for longer
   * than from one rescan to the next, whatever was missed (a file system mounted inside the tree, say). Events that are
   * still on their way may be dropped: that rescan covers them. */
  refresh(): Promise<void>;
  /** To be called when all that was told has been looked at. Where many folders come at once, most are told at first, watched only
   * after this call (or half a minute later), and told again when they are. */
  readonly caughtUp: () => void;
  /** Releases every watch, descriptor and timer; no event follows. */
  close(): Promise<void>;
}

export interface WatchEvents {
  /** What may have changed, from the root, with "/" between names: `a/b` is that file or whatever else has that name;
   * `a/b/` is everything below that folder, which may be new, changed or gone. Each once, none that lies below another
   * one, and at most 10,000. */
  onDirty(paths: readonly string[]): void;
  /** Everything may have changed. `reason` is in lower case, for people. */
  onRescan(reason: string): void;
  /** Anything may have changed, and nothing tells of it: whether it did is to be found out by a look at the files. */
  onPoll(): void;
}

export interface WatcherOptions {
  readonly clock: Clock;
  /** The folder to watch; it may be missing, and may be a symbolic link to a folder. */
  readonly root: string;
  /** Folders that are not part of the tree, absolute or from the root. */
  readonly ignorePaths: readonly string[];
  /** Whether a folder (from the root, without a final "/") need not be watched, since filters hide all it can hold. */
  readonly isFolderIgnored?: ((path: string) => boolean) | undefined;
  /** What else may change that is not watched, as in "x does not tell of changes": then it polls as well. */
  readonly unwatched?: string | undefined;
  /** How long nothing must happen before what happened is reported. */
  readonly quietMs?: DurationMs | undefined;
  /** A steady stream of changes is reported at least this often. */
  readonly maxQuietMs?: DurationMs | undefined;
  /** How often to look whether the root is another folder, which makes no event where a link to it was swapped. */
  readonly rootCheckMs?: DurationMs | undefined;
  /** How long a name must be gone before that is reported: it may come back. */
  readonly goneMs?: DurationMs | undefined;
  /** "auto" polls where the system's events do not tell of all changes; "native" never, "polling" always, and watches nothing. */
  readonly mode: Exclude<WatchMode, "off">;
  /** How often `onPoll` is called while the tree is polled. */
  readonly pollIntervalMs: DurationMs;
  /** How often whoever opened this looks at everything by itself: only to be told. */
  readonly rescanIntervalMs: DurationMs;
  readonly events: WatchEvents;
}
