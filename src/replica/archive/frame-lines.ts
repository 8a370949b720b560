// The first and the last line of an archive. The last one is what makes an archive whole: how many entries there are, whether
// they are all that the source held, their content root, and the digest of every byte before that line.

import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";

const VERSION = 1;

/** Of the place that was read, as its caller describes it. */
export type SourceFacts = { readonly [name: string]: Json };

export interface ArchiveHeader {
  /** ISO 8601. */
  readonly created: string;
  /** `kvsync 1.2.3` */
  readonly by: string;
  readonly source: SourceFacts;
  /** What was left out on purpose; null: nothing. */
  readonly filter: SourceFacts | null;
}

/** What was written. */
export interface ArchiveSummary {
  readonly entries: number;
  /** Of all values together. */
  readonly bytes: number;
  /** When the listing began and ended, in ISO 8601: what changed between may be missing. */
  readonly listed: readonly [string, string];
  /** All that the source held is in the archive. */
  readonly complete: boolean;
  /** Keys that could not be read. */
  readonly problems: number;
  /** The content root (core/content-root.ts). */
  readonly root: string;
}

export interface ArchiveEnd extends ArchiveSummary {
  /** SHA-256 of every byte before this line. */
  readonly digest: string;
}

export function encodeHeader({ created, by, source, filter }: ArchiveHeader): Buffer {
  return line({ kvsync: "archive", version: VERSION, created, by, source, filter });
}

export function encodeEnd({ entries, bytes, listed, complete, problems, root, digest }: ArchiveEnd): Buffer {
  return line({ kvsync: "end", entries, bytes, listed, complete, problems, root, digest: `sha256:${digest}` });
}

function line(json: Json): Buffer {
  return Buffer.from(`${JSON.stringify(json).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")}\n`);
}

/** "archive": of a version that this program knows; "other": of another version; "none": no header. */
export function headerKind(json: Json | undefined): "archive" | "other" | "none" {
  if (!isJsonObject(json) || json["kvsync"] !== "archive") return "none";
  return json["version"] === VERSION ? "archive" : "other";
}

export function isEnd(json: Json | undefined): json is { readonly [name: string]: Json } {
  return isJsonObject(json) && json["kvsync"] === "end";
}

/** Undefined: it is not as it was written. */
export function decodeEnd(json: { readonly [name: string]: Json }): ArchiveEnd | undefined {
  const { entries, bytes, listed, complete, problems, root, digest } = json;
  if (typeof entries !== "number" || typeof bytes !== "number" || typeof problems !== "number") return undefined;
  if (typeof complete !== "boolean" || typeof root !== "string" || typeof digest !== "string") return undefined;
  if (!Array.isArray(listed)) return undefined;
  const [from, to] = listed as readonly Json[];
  if (typeof from !== "string" || typeof to !== "string" || !digest.startsWith("sha256:")) return undefined;
  const hex = digest.slice("sha256:".length);
  return { entries, bytes, listed: [from, to], complete, problems, root, digest: hex };
}
