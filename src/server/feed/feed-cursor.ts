// Cursors of the change feed: the number of a change, and whose it is. Numbers begin anew in another database, but a namespace's id is
// drawn by chance: by it the cursor of another server is known for what it is, and by the era that of data which are not there any more.

import type { ChangeNumber, StoredNamespaceId } from "../store/store.ts";

/** Of which log a number is. */
export interface FeedSource {
  readonly namespace: StoredNamespaceId;
  /** See ChangeLog. */
  readonly era: string;
}

export function encodeFeedCursor({ namespace, era }: FeedSource, number: ChangeNumber): string {
  return `${namespace}.${era}.${number}`;
}

/** Undefined: no cursor of this log. */
export function decodeFeedCursor({ namespace, era }: FeedSource, text: string): ChangeNumber | undefined {
  const start = `${namespace}.${era}.`;
  const digits = text.startsWith(start) ? text.slice(start.length) : "";
  const number = Number(digits);
  return /^(0|[1-9]\d{0,15})$/.test(digits) && Number.isSafeInteger(number) ? number : undefined;
}
