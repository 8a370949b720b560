// A snapshot in a line, where its source is told elsewhere.

import { count } from "../../core/counted.ts";
import type { SnapshotSummary } from "../../backup/repository/snapshots.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { shortId } from "./short-id.ts";

/** `3f2a9c41  2026-11-28 12:00:00Z  1,234 keys, 3.4 MB  nightly` */
export function renderSnapshotFacts({ id, created, entries, bytes, tags, complete }: SnapshotSummary): string {
  const time = `${created.slice(0, 19).replace("T", " ")}Z`;
  const keys = `${count(entries)} ${entries === 1 ? "key" : "keys"}, ${renderByteCount(bytes)}`;
  const parts = [shortId(id), time, keys];
  if (!complete) parts.push("not complete");
  if (tags.length > 0) parts.push(visible(tags.join(", ")));
  return parts.join("  ");
}
