// Values on a terminal: it would carry out the escape sequences in them, so that only text goes there unasked.

import { isUtf8 } from "node:buffer";
import { AppError, visible } from "../../core/errors.ts";
import type { Output } from "./output.ts";

interface Unasked {
  /** `the value of "k"` */
  readonly what: string;
  /** Whether people have said that they want it whatever it is. */
  readonly force: boolean;
  /** How to get at it otherwise. */
  readonly hint: string;
}

/** Writes `bytes` to stdout. Throws AppError "not-text" where that is a terminal and they are no text, unless forced. */
export async function writeValue(output: Output, bytes: Uint8Array, { what, force, hint }: Unasked): Promise<void> {
  const fault = output.stdout.isTerminal && !force ? terminalFault(bytes) : undefined;
  if (fault === undefined) return output.write(bytes);
  throw new AppError("not-text", `${what} ${fault}, and would go to a terminal`, { hint });
}

/** Why a terminal should not be given `bytes`; undefined: they are text of printable characters, tabs and line ends. */
export function terminalFault(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return "is binary";
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const [char] = CONTROL.exec(text) ?? [];
  if (char === undefined) return undefined;
  return char === "\0" ? "is binary" : `has control characters (${visible(char)})`;
}

// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\r(?!\n)/;
