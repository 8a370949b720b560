// Why a folder cannot be watched, and what follows: nothing, since it is gone; nothing but a line, since nobody may open
// it; or polling, since the tree cannot be watched.

import { readFileSync } from "node:fs";
import type { DurationMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { describeFault, faultCode } from "../../replica/tree/fs-fault.ts";

/** To try takes up, for a moment, all that the system has left: not too often. */
export const RETRY_MS: DurationMs = 600_000;
export const RETRY_HINT = `kvsync tries again every ${renderDuration(RETRY_MS)}`;

export interface Exhausted {
  readonly kind: "exhausted";
  readonly reason: string;
  readonly hint: string;
}

export type WatchFault =
  | { readonly kind: "gone" }
  | { readonly kind: "unreadable"; readonly reason: string }
  | Exhausted;

/** `path`: the folder. Throws `error` itself if it is none of the system's. */
export function classifyWatchFault(error: unknown, path: string): WatchFault {
  const reason = `the folder ${visible(path)} cannot be watched: ${describeFault(error)}`;
  switch (faultCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return { kind: "gone" };
    case "EACCES":
    case "EPERM":
    case "ENAMETOOLONG":
      return { kind: "unreadable", reason };
    case "ENOSPC":
      return {
        kind: "exhausted",
        reason: "the system's limit of watched folders is reached",
        hint: `raise fs.inotify.max_user_watches${readSetting("max_user_watches")} with sysctl; ${RETRY_HINT}`,
      };
    case "EMFILE":
      return {
        kind: "exhausted",
        reason: "the limit of open files, or of programs that watch files, is reached",
        hint: `raise fs.inotify.max_user_instances${readSetting("max_user_instances")} with sysctl, or the limit of open files (ulimit -n, LimitNOFILE=); ${RETRY_HINT}`,
      };
    default:
      return { kind: "exhausted", reason, hint: RETRY_HINT };
  }
}

function readSetting(name: string): string {
  try {
    return ` (now ${readFileSync(`/proc/sys/fs/inotify/${name}`, "latin1").trim()})`;
  } catch (error) {
    // It is an aside, and there may be no file left to open.
    faultCode(error);
    return "";
  }
}
