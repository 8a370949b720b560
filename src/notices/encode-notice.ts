// From what a person should know to the message that is sent: its id, its text, and no more of a very bad night than anybody reads.

import { createHash } from "node:crypto";
import type { EpochMs } from "../core/clock.ts";
import { redact } from "../core/redact.ts";
import type { Notice, NoticeItem } from "./notice.ts";
import { renderNotice } from "./render-notice.ts";

const ITEMS_MAX = 200;

export interface Sender {
  readonly host: string;
  readonly stateDir: string;
}

/** The message with `items` as it is sent to `target`, without secrets. */
export function encodeNotice(
  items: readonly NoticeItem[],
  { target, at, host, stateDir }: Sender & { readonly target: string; readonly at: EpochMs },
): { readonly id: string; readonly body: string } {
  const told = items.slice(0, ITEMS_MAX);
  const content = { at, host, stateDir, items: told, moreItems: items.length - told.length };
  const text = renderNotice(items, { at, host });
  // Named for its content: two that are alike, at one moment and to one target, are one.
  const id = createHash("sha256")
    .update(JSON.stringify([target, content]))
    .digest("hex")
    .slice(0, 32);
  const notice: Notice = { type: "kvsync.notice", version: 1, id, ...content, text };
  return { id, body: redact(JSON.stringify(notice)) };
}
