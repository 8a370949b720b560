// How the values of one key differ: a unified diff of text, sizes and hashes of what is no text, or is too large or too
// different to be read as a diff. `-` is what the side that changes has, `+` what it would get.

import { hash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import type { ByteCount } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { isoTime } from "../../core/iso-time.ts";
import { renderByteCount } from "../../core/units.ts";

/** A value as it is compared: text that is worth a diff, or what tells others apart. */
export type Content =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string; readonly attributes: string }
  | { readonly kind: "hashed"; readonly bytes: ByteCount; readonly sha256: string; readonly attributes: string }
  /** It could not be read. */
  | { readonly kind: "unread"; readonly reason: string };

/** A value and what is stored with it. */
export interface StoredValue {
  readonly bytes: Uint8Array;
  readonly metadata: string | undefined;
  readonly expiration: number | undefined;
}

export interface Compared {
  readonly key: string;
  readonly before: Content;
  readonly after: Content;
  /** What the two sides are called. */
  readonly names: { readonly before: string; readonly after: string };
}

/** A larger text is not shown. */
export const TEXT_BYTES_MAX: ByteCount = 1_000_000;
/** Lines that differ. The time to find them grows with their square (1,000: 0.1 s; 5,000: 5 s), and nobody reads more. */
const LINES_DIFFERENT_MAX = 1000;
const CONTEXT_LINES = 3;

export function contentOf({ bytes, metadata, expiration }: StoredValue): Content {
  const attributes = [
    ...(metadata === undefined ? [] : [`metadata: ${metadata}\n`]),
    ...(expiration === undefined ? [] : [`expiration: ${isoTime(expiration * 1000)}\n`]),
  ].join("");
  if (bytes.byteLength > TEXT_BYTES_MAX || !isUtf8(bytes) || bytes.includes(0)) {
    return { kind: "hashed", bytes: bytes.byteLength, sha256: hash("sha256", bytes, "hex"), attributes };
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return { kind: "text", text, attributes };
}

/** Lines, each of which begins with its mark: `-`, `+`, a space, or `@` for a place. Control characters are as they are. */
export async function renderContentDiff({ key, before, after, names }: Compared): Promise<string[]> {
  const head = [headLine("---", key, before, names.before), headLine("+++", key, after, names.after)];
  const attributes = await diffText(attributesOf(before), attributesOf(after));
  if (before.kind !== "hashed" && after.kind !== "hashed" && before.kind !== "unread" && after.kind !== "unread") {
    const lines = await diffText(textOf(before), textOf(after));
    if (lines !== undefined) return [...head, ...(attributes ?? []), ...lines];
  }
  return [...head, ...(attributes ?? []), ...summaryLines("-", before), ...summaryLines("+", after)];
}

function headLine(mark: string, key: string, content: Content, name: string): string {
  return content.kind === "none" ? `${mark} (nothing in ${name})` : `${mark} ${visible(key)} (${name})`;
}

function attributesOf(content: Content): string {
  return "attributes" in content ? content.attributes : "";
}

function textOf(content: Content): string {
  return content.kind === "text" ? content.text : "";
}

/** Undefined: they differ too much. Without lines: they are alike. */
async function diffText(before: string, after: string): Promise<string[] | undefined> {
  if (before === after) return [];
  const { structuredPatch } = await import("diff");
  const isWhole = before === "" || after === "";
  const maxEditLength = isWhole ? Number.POSITIVE_INFINITY : LINES_DIFFERENT_MAX;
  const options = { context: CONTEXT_LINES, maxEditLength };
  const patch = structuredPatch("", "", before, after, undefined, undefined, options);
  return patch?.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${place(oldStart, oldLines)} +${place(newStart, newLines)} @@`,
    ...lines,
  ]);
}

/** Of no lines, the place is the line before. */
function place(start: number, lines: number): string {
  if (lines === 0) return `${start - 1},0`;
  return lines === 1 ? String(start) : `${start},${lines}`;
}

function summaryLines(mark: "-" | "+", content: Content): string[] {
  switch (content.kind) {
    case "none":
      return [];
    case "unread":
      return [`${mark}(not read: ${visible(content.reason)})`];
    case "hashed":
      return [`${mark}${renderByteCount(content.bytes)}, SHA-256 ${content.sha256}`];
    case "text": {
      const bytes = Buffer.from(content.text);
      return [`${mark}${renderByteCount(bytes.byteLength)}, SHA-256 ${hash("sha256", bytes, "hex")}`];
    }
  }
}
