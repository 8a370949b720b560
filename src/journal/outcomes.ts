// What a mapping's last round came to, as text that the daemon makes and reads: what `kvsync status` knows while no daemon
// runs, and how long a problem has lasted across a restart.

import type { Journal } from "./journal.ts";

export interface Outcomes {
  /** Undefined: no round of the mapping has ended. */
  get(mapping: string): string | undefined;
  put(mapping: string, outcome: string): void;
}

export function openOutcomes({ database }: Journal): Outcomes {
  const select = database.prepare("SELECT outcome FROM outcome WHERE mapping = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO outcome VALUES (?, ?)");
  return {
    get: (mapping) => (select.get(mapping) as { readonly outcome: string } | undefined)?.outcome,
    put: (mapping, outcome) => void insert.run(mapping, outcome),
  };
}
