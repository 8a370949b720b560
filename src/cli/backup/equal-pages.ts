// Two snapshots that are compared: pages that both have hold the same, and are read from neither.

import type { OpenLocation } from "../../mapping/open-location.ts";

export interface ComparedSides {
  readonly source: OpenLocation;
  readonly destination: OpenLocation;
  /** Entries of the pages that are left out. */
  readonly equal: number;
}

/** Both as they are, unless both are snapshots. */
export function withoutEqualPages({ source, destination }: Omit<ComparedSides, "equal">): ComparedSides {
  if (source.snapshot === undefined || destination.snapshot === undefined) return { source, destination, equal: 0 };
  const [one, other] = [source.snapshot, destination.snapshot];
  const ids = new Set(one.snapshot.pages.map(({ id }) => id));
  const both = other.snapshot.pages.filter(({ id }) => ids.has(id));
  const skipped = new Set(both.map(({ id }) => id));
  const skips = (id: string): boolean => skipped.has(id);
  return {
    source: { ...source, replica: one.without(skips) },
    destination: { ...destination, replica: other.without(skips) },
    equal: both.reduce((sum, { entries }) => sum + entries, 0),
  };
}
