// One thing that is wrong in a config file, and where; and how all of them are shown: file, line and column, the line
// itself, a caret under what is meant.

import { visible } from "../core/errors.ts";
import { looksLikeToken } from "../core/redact.ts";

export type FaultPath = readonly (string | number)[];

export interface ConfigFault {
  /** What is wrong and what was meant, in lower case. */
  readonly message: string;
  /** Character offsets in the file: [first, one past the last]. */
  readonly range: readonly [number, number];
}

/** `faults` in the order of the file, each with its line and a caret. `mask` gives a line of the same length, in which no secret is. */
export function renderFaults(
  faults: readonly ConfigFault[],
  text: string,
  shownFile: string,
  mask: (line: string) => string = maskSecrets,
): string {
  const inOrder = faults.toSorted((a, b) => a.range[0] - b.range[0]);
  return inOrder.map((fault) => renderFault(fault, text, shownFile, mask)).join("\n");
}

function renderFault(
  { message, range }: ConfigFault,
  text: string,
  shownFile: string,
  mask: (line: string) => string,
): string {
  const start = Math.min(range[0], text.length);
  const before = text.slice(0, start);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  const column = start - lineStart;
  const lineEnd = text.indexOf("\n", start);
  const source = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd).replace(/\r$/, "");
  const length = Math.max(1, Math.min(range[1] - start, source.length - column));
  const number = String(line).padStart(4);
  return [
    `${shownFile}:${line}:${column + 1}: ${message}`,
    `${number} | ${visible(mask(source).replaceAll("\t", " "))}`,
    `     | ${" ".repeat(column)}${"^".repeat(length)}`,
  ].join("\n");
}

/** `line` with what may be a secret starred out, one star a character so that the caret stays in place: the value of
 * any key that has the look of `api_token` and `api_key`, for it may be mistyped, and whatever has the look of a token. A reference to the environment is none. */
function maskSecrets(line: string): string {
  const named = line.replace(SECRET_LIKE, (all, name: string, value: string) =>
    /^["']?\$\{/.test(value) ? all : name + "*".repeat(value.length),
  );
  return named.replace(/[\w.~+=-]{36,}/g, (word) => (looksLikeToken(word) ? "*".repeat(word.length) : word));
}

const SECRET_LIKE =
  /([\w-]*(?:tok|key|secret|passw|phrase)(?![\w-]*file)[\w-]*["']?\s*:\s*)((?:"[^"]*"?|'[^']*'?|[^,}"'])+)/gi;
