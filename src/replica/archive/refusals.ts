// What is said where an archive is not taken.

import { AppError, visible } from "../../core/errors.ts";

/** It is not whole, or not as it was written. */
export function refused(message: string, hint: string): AppError {
  return new AppError("archive-refused", message, { hint });
}

/** It is not the file that was checked before. */
export function changedMeanwhile(label: string): AppError {
  return new AppError("io", `${visible(label)} changed while it was read`, {
    hint: "run the command again when nothing writes to the file",
  });
}
