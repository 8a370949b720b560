// Snapshot objects: one state of one namespace, as JSON.

import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import type { Snapshot, SnapshotSource } from "../repository/repository.ts";
import { isCount, isSha256, type JsonObject, parseObject } from "./parse-object.ts";

const VERSION = 1;

export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const { created, by, tags, source, filter, listed, complete, problems, entries, bytes, root, parent, pages } =
    snapshot;
  const [from, to = null] = listed;
  const known = { created, by, tags, source, filter: filter ?? null, listed: [from, to], complete, problems };
  return Buffer.from(
    JSON.stringify({ kvsync: "snapshot", version: VERSION, ...known, entries, bytes, root, parent, pages }),
  );
}

/** "newer": of a version that this program does not know; undefined: it is not as kvsync writes one. */
export function decodeSnapshot(plain: Uint8Array): Snapshot | "newer" | undefined {
  const object = parseObject(plain);
  if (object?.["kvsync"] !== "snapshot") return undefined;
  if (object["version"] !== VERSION) return "newer";
  const { created, by, tags, filter, complete, problems, entries, bytes, root, parent } = object;
  if (
    typeof created !== "string" ||
    Number.isNaN(Date.parse(created)) ||
    typeof by !== "string" ||
    typeof complete !== "boolean"
  )
    return undefined;
  if (!isCount(problems) || !isCount(entries) || !isCount(bytes) || !isSha256(root)) return undefined;
  if (parent !== null && !isSha256(parent)) return undefined;
  const source = decodeSource(object["source"]);
  const listed = decodeListed(object["listed"]);
  const pages = decodePages(object["pages"]);
  if (source === undefined || listed === undefined || pages === undefined || !isTexts(tags)) return undefined;
  const facts = { created, by, tags, source, filter, listed, complete, problems, entries, bytes };
  return { ...facts, root, parent: parent, pages };
}

function decodeSource(source: Json | undefined): SnapshotSource | undefined {
  if (!isJsonObject(source)) return undefined;
  const { account, accountId, namespace, title, prefix, jurisdiction, mode, label } = source;
  if (typeof prefix !== "string" || typeof label !== "string" || !isTextOrNull(mode)) return undefined;
  if (!isTextOrNull(account) || !isTextOrNull(accountId) || !isTextOrNull(namespace)) return undefined;
  if (!isTextOrNull(title) || !isTextOrNull(jurisdiction)) return undefined;
  return { account, accountId, namespace, title, prefix, jurisdiction, mode, label };
}

function decodeListed(listed: Json | undefined): Snapshot["listed"] | undefined {
  if (!isList(listed)) return undefined;
  const [from, to = null] = listed;
  return typeof from === "string" && isTextOrNull(to) ? [from, to ?? undefined] : undefined;
}

function decodePages(pages: Json | undefined): Snapshot["pages"] | undefined {
  if (!isList(pages)) return undefined;
  const decoded = pages.map((page) => decodePage(page));
  return decoded.every((page) => page !== undefined) ? decoded : undefined;
}

function decodePage(page: Json): Snapshot["pages"][number] | undefined {
  const { id, entries }: JsonObject = isJsonObject(page) ? page : {};
  return isSha256(id) && isCount(entries) ? { id, entries } : undefined;
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return isList(value) && value.every((item) => typeof item === "string");
}

function isTextOrNull(value: Json | undefined): value is string | null {
  return value === null || typeof value === "string";
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
