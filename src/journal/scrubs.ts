// How far the scrub of each mapping has come, so that a daemon that is restarted often reaches the last keys, too.

import type { Key } from "../core/key.ts";
import type { Journal } from "./journal.ts";

export interface Scrubs {
  /** The last key that was read; undefined: begin with the first. */
  get(mapping: string): Key | undefined;
  put(mapping: string, after: Key | undefined): void;
}

export function openScrubs({ database }: Journal): Scrubs {
  const select = database.prepare("SELECT CAST(after AS TEXT) AS after FROM scrub WHERE mapping = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO scrub VALUES (?, ?)");
  const remove = database.prepare("DELETE FROM scrub WHERE mapping = ?");
  return {
    get: (mapping) => (select.get(mapping) as { readonly after: string } | undefined)?.after as Key | undefined,
    put: (mapping, after) => {
      if (after === undefined) remove.run(mapping);
      else insert.run(mapping, Buffer.from(after));
    },
  };
}
