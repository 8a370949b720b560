// A page of a snapshot as bytes, and back: an entry a line, in key order (docs/repository-format.md). Equal entries make equal
// bytes, since a page goes by their hash.

import { parseEpochSeconds } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { canonicalJson, isJsonObject, parseJson } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { compareUtf8, parseKey } from "../../core/key.ts";
import type { PageEntry } from "../repository/repository.ts";

/** With its line break. */
export function encodePageEntry({ key, sha256, size, binary, expiration, metadata }: PageEntry): string {
  let line = `{"key":${JSON.stringify(key)},"sha256":"${sha256}","size":${size}`;
  if (binary) line += ',"binary":true';
  if (expiration !== undefined) line += `,"expiration":${expiration}`;
  if (metadata !== undefined) line += `,"metadata":${metadata}`;
  return `${line}}\n`;
}

/** Throws AppError "repository-damaged" for what is no page: its hash fits, so that whoever wrote it did not hold to the format. */
export function decodePage(bytes: Uint8Array): readonly PageEntry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: PageEntry[] = [];
  for (let start = 0; start < buffer.byteLength;) {
    const end = buffer.indexOf(LINE_BREAK, start);
    // A text of its own each: parts of the text of the page would keep all of it in memory for as long as one key of it is kept.
    const entry = end < 0 ? undefined : decodePageEntry(buffer.toString("utf8", start, end));
    if (entry === undefined) throw noPage(entries.length + 1);
    entries.push(entry);
    start = end + 1;
  }
  if (entries.length === 0) throw noPage(0);
  return entries;
}

const LINE_BREAK = 0x0a;

export function isAscending(entries: readonly PageEntry[]): boolean {
  return entries.every(({ key }, index) => index === 0 || compareUtf8(entries[index - 1]!.key, key) < 0);
}

/** A line as {@link encodePageEntry} writes it, if nothing in its key is escaped: nearly all are, and are read in a third of the time. */
const PLAIN_LINE =
  // oxlint-disable-next-line no-control-regex -- JSON has no such characters in a string
  /^\{"key":"([^"\\\u0000-\u001f]+)","sha256":"([0-9a-f]{64})","size":(0|[1-9]\d{0,14})(,"binary":true)?(?:,"expiration":([1-9]\d{0,14}))?(?:,"metadata":([^]+))?\}$/;

function decodePageEntry(line: string): PageEntry | undefined {
  const [, name, sha256, size, binary, expiration, metadata] = PLAIN_LINE.exec(line) ?? [];
  const key = name === undefined ? undefined : parseKey(name);
  if (key === undefined || sha256 === undefined) return decodeAnyEntry(line);
  const json = metadata === undefined ? undefined : parseLine(metadata);
  // What is no JSON by itself may yet be a part of a line that is.
  if (metadata !== undefined && json === undefined) return decodeAnyEntry(line);
  return {
    key,
    sha256,
    size: Number(size),
    binary: binary !== undefined,
    expiration: expiration === undefined ? undefined : parseEpochSeconds(Number(expiration)),
    metadata: json === undefined ? undefined : canonicalJson(json),
  };
}

function decodeAnyEntry(line: string): PageEntry | undefined {
  const json = parseLine(line);
  if (!isJsonObject(json)) return undefined;
  const { key: name, sha256, size, binary = false, expiration, metadata } = json;
  const key = typeof name === "string" ? parseKey(name) : undefined;
  if (key === undefined || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || typeof binary !== "boolean")
    return undefined;
  const at = parseEpochSeconds(expiration);
  if (expiration !== undefined && at === undefined) return undefined;
  return {
    key,
    sha256,
    size,
    binary,
    expiration: at,
    metadata: metadata === undefined ? undefined : canonicalJson(metadata),
  };
}

function parseLine(line: string): Json | undefined {
  try {
    return parseJson(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function noPage(line: number): AppError {
  return new AppError(
    "repository-damaged",
    `a page of a snapshot is not of the form that this version knows (line ${line})`,
    {
      hint: "a newer kvsync may have written it: read it with that",
    },
  );
}
