// --split: how large the files of an export may be.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { parseByteCount } from "../../core/units.ts";

/** Throws AppError "usage". */
export function parseSplit(text: string | undefined): ByteCount | undefined {
  if (text === undefined) return undefined;
  const parsed = parseByteCount(text);
  if (parsed.kind === "fault") throw new AppError("usage", `--split: ${parsed.message}`);
  if (parsed.value > 0) return parsed.value;
  throw new AppError("usage", "--split: a file has more than 0 bytes", {
    hint: "for what wrangler can load: --split 400MB",
  });
}
