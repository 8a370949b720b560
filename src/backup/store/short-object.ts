// An object that is shorter than what was asked of it: somebody, or a disk, cut it. It is damage and no failure of the store: asking again would not help.

import { AppError } from "../../core/errors.ts";
import type { ByteCount } from "../../core/clock.ts";
import type { Range } from "./store.ts";

export function shortObject(object: {
  readonly name: string;
  readonly label: string;
  /** Of all of it. */
  readonly size: ByteCount;
  readonly range: Range;
}): AppError {
  const { name, label, size, range } = object;
  return new AppError(
    "repository-damaged",
    `${name} in ${label} is cut off: it has ${size} bytes, and ${range.length} at ${range.at} were to be read`,
  );
}
