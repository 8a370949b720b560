// What the file system refused, told apart from bugs and told to people without the path the call was made with.

import { AppError, visible } from "../../core/errors.ts";

/** The system's code of `error` (`ENOENT`, ...). Throws `error` itself if it has none: then it is a bug. */
export function faultCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string" && "errno" in error)
    return error.code;
  throw error;
}

/** For a problem's message: `EACCES: permission denied`. */
export function describeFault(error: unknown): string {
  faultCode(error);
  return (error as Error).message.split(",", 1)[0] ?? "";
}

/** No space, or none left to this user. */
export function isDiskFull(error: unknown): boolean {
  const code = faultCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** What ends a run of writes below `root`, once one of them was refused for lack of space. */
export function diskFull(root: string): AppError {
  return new AppError("disk-full", `the disk of ${visible(root)} is full`, {
    hint: "make room there, and run again: what was written is kept",
    retryable: true,
  });
}
