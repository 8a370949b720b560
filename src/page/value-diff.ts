// How two values differ, line by line: pure, and bounded, since values may be large and have nothing in common.

import { diffArrays } from "diff";
import type { ShownValue } from "./contract.ts";

/** A line as each side has it; undefined: that side has none there. */
export interface DiffRow {
  readonly kind: "same" | "changed" | "local" | "remote";
  readonly local: DiffLine | undefined;
  readonly remote: DiffLine | undefined;
}

export interface DiffLine {
  readonly number: number;
  readonly text: string;
  /** Where it differs from the line beside it. */
  readonly differs: { readonly from: number; readonly to: number } | undefined;
}

export interface ValueDiff {
  readonly rows: readonly DiffRow[];
  /** Lines of hexadecimal bytes: one of them is no text. */
  readonly isBinary: boolean;
  /** Why this is not all of it, or not the whole truth; undefined: it is. */
  readonly limit: string | undefined;
}

/** More lines are not read by anybody. */
const LINES_MAX = 5000;
/** The time to find them grows with their square. */
const LINES_DIFFERENT_MAX = 1000;
const HEX_BYTES_MAX = 4096;
const HEX_BYTES_LINE = 16;

/** Null: that side has no value. */
export function diffValues(local: ShownValue | null, remote: ShownValue | null): ValueDiff {
  const isBinary = local?.encoding === "base64" || remote?.encoding === "base64";
  const [a, b] = [linesOf(local, isBinary), linesOf(remote, isBinary)];
  const isCut = a.isCut || b.isCut;
  const parts = diffArrays([...a.lines], [...b.lines], { maxEditLength: LINES_DIFFERENT_MAX });
  const first = isCut ? "only the first part of the values is shown" : undefined;
  if (parts === undefined) {
    const limit = ["they differ too much to be compared but line for line", ...(first === undefined ? [] : [first])];
    return { rows: pair(a.lines, b.lines, 1, 1), isBinary, limit: limit.join(", and ") };
  }
  const rows: DiffRow[] = [];
  let [localAt, remoteAt] = [1, 1];
  for (let i = 0; i < parts.length; i++) {
    const { value, removed, added } = parts[i]!;
    if (!removed && !added) {
      rows.push(...value.map((text, j): DiffRow => same(text, localAt + j, remoteAt + j)));
      localAt += value.length;
      remoteAt += value.length;
      continue;
    }
    const next = parts[i + 1];
    // A removal and an addition beside it are one change, in either order.
    const other = next !== undefined && (removed ? next.added : next.removed) ? next : undefined;
    if (other !== undefined) i++;
    const gone = removed ? value : (other?.value ?? []);
    const come = added ? value : (other?.value ?? []);
    rows.push(...pair(gone, come, localAt, remoteAt));
    localAt += gone.length;
    remoteAt += come.length;
  }
  return { rows, isBinary, limit: first };
}

function same(text: string, local: number, remote: number): DiffRow {
  return {
    kind: "same",
    local: { number: local, text, differs: undefined },
    remote: { number: remote, text, differs: undefined },
  };
}

function pair(local: readonly string[], remote: readonly string[], localAt: number, remoteAt: number): DiffRow[] {
  return Array.from({ length: Math.max(local.length, remote.length) }, (_, i): DiffRow => {
    const [a, b] = [local[i], remote[i]];
    if (a === undefined)
      return { kind: "remote", local: undefined, remote: { number: remoteAt + i, text: b!, differs: undefined } };
    if (b === undefined)
      return { kind: "local", local: { number: localAt + i, text: a, differs: undefined }, remote: undefined };
    if (a === b) return same(a, localAt + i, remoteAt + i);
    const [from, fromEnd] = [commonStart(a, b), commonEnd(a, b)];
    const rest = Math.min(fromEnd, Math.min(a.length, b.length) - from);
    return {
      kind: "changed",
      local: { number: localAt + i, text: a, differs: { from, to: a.length - rest } },
      remote: { number: remoteAt + i, text: b, differs: { from, to: b.length - rest } },
    };
  });
}

/** Whole characters, in UTF-16 units. */
function commonStart(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i > 0 && isHighSurrogate(a.charCodeAt(i - 1)) ? i - 1 : i;
}

function commonEnd(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[a.length - 1 - i] === b[b.length - 1 - i]) i++;
  return i > 0 && isLowSurrogate(a.charCodeAt(a.length - i)) ? i - 1 : i;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function linesOf(
  value: ShownValue | null,
  isBinary: boolean,
): { readonly lines: readonly string[]; readonly isCut: boolean } {
  if (value === null) return { lines: [], isCut: false };
  const lines = isBinary ? hexLines(bytesOf(value)) : value.text.split("\n");
  // A last line without an end is another one than a line that has one.
  if (!isBinary && lines.at(-1) === "") lines.pop();
  else if (!isBinary && lines.length > 0 && !value.truncated) lines[lines.length - 1] += NO_LINE_END;
  const isCut = value.truncated || lines.length > LINES_MAX || (isBinary && value.bytes > HEX_BYTES_MAX);
  return { lines: lines.slice(0, LINES_MAX), isCut };
}

/** Stands after a last line that has no end, so that it differs from one that has; no text has it, since it is half a character. */
export const NO_LINE_END = "\udfff";

function bytesOf({ encoding, text }: ShownValue): Uint8Array {
  if (encoding === "utf8") return new TextEncoder().encode(text);
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** `00000010  6b 76 73 79 6e 63 ...  kvsync...` */
function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, HEX_BYTES_MAX); at += HEX_BYTES_LINE) {
    const part = [...bytes.subarray(at, at + HEX_BYTES_LINE)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(3 * HEX_BYTES_LINE)} ${text}`);
  }
  return lines;
}
