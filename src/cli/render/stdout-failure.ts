// Why stdout takes nothing more: a file on a full disk, say.

import { ioError } from "../../config/read-file.ts";
import { AppError } from "../../core/errors.ts";

export function stdoutFailure(error: NodeJS.ErrnoException): AppError {
  const { message } = ioError(error, "could not write to stdout");
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
  return isFull
    ? new AppError("disk-full", message, { hint: "make room on the disk, and run again", cause: error })
    : new AppError("io", message, { cause: error });
}
