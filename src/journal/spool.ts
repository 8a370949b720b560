// The spool of a plan, in the journal: pages in, the same pages out in order.

import type { Spool } from "../engine/ports.ts";
import type { Journal } from "./journal.ts";

/** A spool of its own for each plan id; what an earlier process left under that id is dropped. */
export function openSpool(journal: Journal, plan: number): Spool {
  const { database } = journal;
  const insert = database.prepare("INSERT INTO spool (plan, list, seq, page) VALUES (?, ?, ?, ?)");
  const select = database.prepare("SELECT page FROM spool WHERE plan = ? AND list = ? AND seq = ?");
  const remove = database.prepare("DELETE FROM spool WHERE plan = ?");
  let seq = 0;
  const firstOf = new Map<string, number[]>();
  remove.run(plan);
  return {
    append(list, page) {
      const sequence = firstOf.get(list) ?? [];
      sequence.push(seq);
      firstOf.set(list, sequence);
      insert.run(plan, list, seq++, page);
    },
    *scan(list) {
      for (const at of firstOf.get(list) ?? []) {
        yield (select.get(plan, list, at) as { page: Uint8Array }).page;
      }
    },
    clear() {
      firstOf.clear();
      if (seq > 0) remove.run(plan);
      seq = 0;
    },
  };
}
