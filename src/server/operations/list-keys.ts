// The listing of keys: a page in byte order, and a cursor for what comes after it.

import { KEY_BYTES_MAX, LIST_PAGE_KEYS_MAX } from "../../core/limits.ts";
import { success } from "../answer.ts";
import { decodeCursor, encodeCursor, type Position, start } from "../cursor.ts";
import type { ListedRow } from "../store/store.ts";
import { malformedArgument, refuse } from "../refusal.ts";
import { findNamespace, type OperationHandler } from "./operation.ts";

/** Limits below 10, which the OpenAPI forbids, are taken, as KV's Worker binding does. */
export const listKeys: OperationHandler = async (deps, { route, query, now, meddling }) => {
  const { id } = await findNamespace(deps, route, "list keys");
  const limit = parseLimit(query.get("limit") ?? "");
  const prefix = parsePrefix(query.get("prefix") ?? "");
  const from = parseCursor(query.get("cursor") ?? "");
  deps.limits.use("lists", 1);
  if (meddling.page.kind === "empty") return page([], { after: from.after, turn: (from.turn + 1) % 256 });
  const count = meddling.page.kind === "short" ? Math.min(limit, meddling.page.keys ?? Math.ceil(limit / 2)) : limit;
  const rows = await deps.store.entries.list(id, { after: from.after, prefix, limit: count + 1 }, now);
  const shown = rows.length > count ? rows.slice(0, count) : rows;
  const last = rows.length > count ? shown.at(-1) : undefined;
  return page(shown, last && { after: last[0], turn: 0 });
};

function page(rows: readonly ListedRow[], next: Position | undefined) {
  const cursor = next === undefined ? "" : encodeCursor(next);
  return success(renderRows(rows), `{"count":${rows.length},"cursor":"${cursor}"}`);
}

function renderRows(rows: readonly ListedRow[]): string {
  let text = "[";
  for (const [key, metadata, expiration] of rows) {
    text += text === "[" ? '{"name":' : ',{"name":';
    text += JSON.stringify(key);
    if (expiration !== null) text += `,"expiration":${expiration}`;
    if (metadata !== null) text += `,"metadata":${metadata}`;
    text += "}";
  }
  return `${text}]`;
}

function parseLimit(text: string): number {
  if (text === "") return LIST_PAGE_KEYS_MAX;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIST_PAGE_KEYS_MAX) throw malformedArgument("limit");
  return limit;
}

function parsePrefix(prefix: string): string {
  const bytes = Buffer.byteLength(prefix);
  if (bytes <= KEY_BYTES_MAX) return prefix;
  throw refuse(400, 10030, `UTF-8 encoded length of ${bytes} exceeds key length limit of ${KEY_BYTES_MAX}.`);
}

function parseCursor(text: string): Position {
  if (text === "") return start;
  const position = decodeCursor(text);
  if (position === undefined) throw malformedArgument("cursor");
  return position;
}
