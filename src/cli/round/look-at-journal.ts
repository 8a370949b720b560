// The journal for commands that only read it, beside a daemon or without one: nothing is created for them.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Journal, JOURNAL_FILE, openJournal } from "../../journal/journal.ts";
import type { Context } from "../context.ts";

/** What `read` makes of it; undefined if there is no journal yet. */
export function lookAtJournal<T>(
  { clock }: Pick<Context, "clock">,
  stateDir: string,
  read: (journal: Journal) => T,
): T | undefined {
  if (!existsSync(join(stateDir, JOURNAL_FILE))) return undefined;
  const journal = openJournal({ stateDir, clock, mayReplace: false });
  try {
    return read(journal);
  } finally {
    journal.close();
  }
}
