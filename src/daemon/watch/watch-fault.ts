// Why a folder cannot be watched, and what follows: nothing, since it is gone; nothing but a line, since nobody may open
// it; or polling, since the system cannot watch any more.

import { readFileSync } from "node:fs";
import { describeFault, faultCode } from "../../replica/tree/fs-fault.ts";

export interface Exhausted {
  readonly kind: "exhausted";
  readonly reason: string;
  readonly hint: string;
}

export type WatchFault =
  | { readonly kind: "gone" }
  | { readonly kind: "unreadable"; readonly reason: string }
  | Exhausted;

/** `path`: the folder, for people. Throws `error` itself if it is none of the system's. */
export function classifyWatchFault(error: unknown, path: string): WatchFault {
  const fault = describeFault(error);
  switch (faultCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return { kind: "gone" };
    case "EACCES":
    case "EPERM":
    case "ENAMETOOLONG":
      return { kind: "unreadable", reason: `the folder ${path} cannot be watched: ${fault}` };
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
      return { kind: "exhausted", reason: `the folder ${path} cannot be watched: ${fault}`, hint: RETRY_HINT };
  }
}

const RETRY_HINT = "kvsync tries again every 10 minutes";

function readSetting(name: string): string {
  try {
    return ` (now ${readFileSync(`/proc/sys/fs/inotify/${name}`, "latin1").trim()})`;
  } catch (error) {
    // It is an aside, and there may be no file left to open.
    faultCode(error);
    return "";
  }
}
