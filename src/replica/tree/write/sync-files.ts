// fsync of many files at once, in the thread pool, so that a journaling file system commits them together.

import { fsync } from "node:fs";
import { faultCode } from "../fs-fault.ts";

/** For each descriptor, what went wrong, or undefined. Never rejects. */
export function syncAll(fds: readonly number[]): Promise<readonly unknown[]> {
  return Promise.all(fds.map(syncFile));
}

function syncFile(fd: number): Promise<unknown> {
  return new Promise((resolve) => {
    fsync(fd, (error) => resolve(isRefusal(error) ? error : undefined));
  });
}

/** Some file systems have no fsync for folders (EINVAL): then there is nothing to wait for. */
function isRefusal(error: unknown): boolean {
  return error !== null && error !== undefined && faultCode(error) !== "EINVAL";
}
