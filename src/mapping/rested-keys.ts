// Which files that were being written a round is to look at by now. It looks at the folder alone and sends no request, so that a file that is
// written to all the time costs nothing until it is carried over.

import type { MappingConfig } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { openBase } from "../journal/base.ts";
import type { Journal } from "../journal/journal.ts";
import type { MovingFiles } from "../replica/moving-files.ts";
import { withRest } from "../replica/with-rest.ts";
import type { MappingOpener } from "./mapping-opener.ts";

interface RestedDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly mapping: MappingConfig;
  readonly opener: MappingOpener;
  readonly moving: MovingFiles;
}

/** Those of `keys` that are at rest, or gone, or have moved for as long as they may. */
export async function findRested(
  keys: readonly Key[],
  { clock, journal, mapping, opener, moving }: RestedDeps,
  signal: AbortSignal,
): Promise<readonly Key[]> {
  const opened = opener.opened()?.mapping;
  if (opened === undefined) return keys;
  const { source, identity } = opened.pair("push");
  const base = openBase(journal, identity);
  const { lookup } = withRest(source, {
    clock,
    policy: mapping,
    moving,
    known: (some) => base.lookup(some),
    isLook: true,
  });
  if (lookup === undefined) return keys;
  // What cannot be told, the round tells.
  await lookup(keys, { signal, onProblem: () => {} });
  const now = clock.monotonic();
  const later = new Set(moving.resting().flatMap(({ key, dueAt }) => (dueAt > now ? [key] : [])));
  return keys.filter((key) => !later.has(key));
}
