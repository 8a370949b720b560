// Cursors of the change feed: the number of a change, and whose it is. Numbers begin anew in another database, but a namespace's id is
// drawn by chance: by it the cursor of another server is known for what it is.

import type { ChangeNumber, StoredNamespaceId } from "../store/store.ts";

export function encodeFeedCursor(namespace: StoredNamespaceId, number: ChangeNumber): string {
  return `${namespace}.${number}`;
}

/** Undefined: no cursor of this namespace. */
export function decodeFeedCursor(namespace: StoredNamespaceId, text: string): ChangeNumber | undefined {
  const [, id, digits] = /^([A-Za-z0-9_-]+)\.(0|[1-9]\d{0,15})$/.exec(text) ?? [];
  const number = Number(digits);
  return id === namespace && Number.isSafeInteger(number) ? number : undefined;
}
