// What a namespace of the embedded account holds, looked up in its database from outside: a test looks often, and each look of a
// command starts a process for a third of a second.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Key to value as text, in the order of the keys. Throws if there is no such namespace. */
export function embeddedValues(stateDir: string, title: string): Readonly<Record<string, string>> {
  const database = new DatabaseSync(join(stateDir, "embedded.sqlite"), { readOnly: true });
  try {
    const namespace = database.prepare("SELECT number FROM namespace WHERE title = ?").get(title);
    if (namespace === undefined) throw new Error(`there is no namespace ${title}`);
    const rows = database
      .prepare("SELECT key, bytes FROM entry JOIN value ON value.id = entry.value WHERE namespace = ? ORDER BY key")
      .all(namespace["number"]!);
    const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString();
    return Object.fromEntries(rows.map(({ key, bytes }) => [text(key), text(bytes)]));
  } finally {
    database.close();
  }
}
