// A source whose listing tells what the base knows: a key without a stamp, whose metadata and expiration are as they were when it was
// copied, is taken to hold what was copied. So a run that goes on does not read again what the runs before it have read. Who wants to
// know whether a value changed since does without this view.

import { type Entry, sameAttributes } from "../../core/entry.ts";
import type { BaseStore } from "../../engine/ports.ts";
import type { ReadableReplica } from "../../replica/replica.ts";

export function withKnownFingerprints(source: ReadableReplica, base: Pick<BaseStore, "lookup">): ReadableReplica {
  return {
    ...source,
    async *list(options) {
      for await (const page of source.list(options)) yield known(page, base);
    },
  };
}

function known(page: readonly Entry[], base: Pick<BaseStore, "lookup">): readonly Entry[] {
  const asked = page.filter(({ fingerprint }) => fingerprint === undefined).map(({ key }) => key);
  if (asked.length === 0) return page;
  const rows = new Map(base.lookup(asked).map((row) => [row.key, row]));
  return page.map((entry) => {
    const row = rows.get(entry.key);
    if (row === undefined || "gone" in row || entry.fingerprint !== undefined || !sameAttributes(entry, row))
      return entry;
    const { fingerprint, size, binary } = row;
    return { ...entry, fingerprint, size, binary: entry.binary ?? binary };
  });
}
