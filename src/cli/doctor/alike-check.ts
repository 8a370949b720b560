// What `kvsync doctor` tells about names that differ only in case or in their Unicode form: those in the folder, and those that
// the last round met on either side.

import { existsSync } from "node:fs";
import type { MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import { type AlikeNames, NONE_ALIKE, openAlikeSearch, renderAlike } from "../../core/names/alike-names.ts";
import { openTreeReplica } from "../../replica/tree/tree-replica.ts";
import { type Check, warn } from "./check.ts";

const PAIRS_SHOWN_MAX = 3;

/** `known`: what the journal says of the last round. */
export async function* checkAlike(
  clock: Clock,
  mapping: MappingConfig,
  { known = NONE_ALIKE, signal }: { readonly known: AlikeNames | undefined; readonly signal: AbortSignal },
): AsyncGenerator<Check> {
  const here = await findAlike(clock, mapping, signal);
  const { pairs, count } = here.count >= known.count ? here : known;
  const shown = pairs.slice(0, PAIRS_SHOWN_MAX);
  for (const [i, pair] of shown.entries()) {
    const more = i === shown.length - 1 && count > shown.length ? ` (and ${count - shown.length} more such pairs)` : "";
    yield warn(
      `mapping ${mapping.name}`,
      renderAlike(pair) + more,
      "rename one of the two before you copy the folder there",
    );
  }
}

/** None in a folder that cannot be listed, which is told elsewhere. */
async function findAlike(clock: Clock, mapping: MappingConfig, signal: AbortSignal): Promise<AlikeNames> {
  const { folder: root, names, prefix, symlinks } = mapping;
  if (!existsSync(root)) return NONE_ALIKE;
  const tree = openTreeReplica({ clock, root, label: root, names, prefix, symlinks, filter: compileFilter(mapping) });
  const search = openAlikeSearch();
  try {
    for await (const page of tree.list({ signal, onProblem: () => {} })) for (const { key } of page) search.add(key);
  } catch (error) {
    if (error instanceof AppError && error.code === "root-missing") return NONE_ALIKE;
    throw error;
  } finally {
    await tree.close();
  }
  return search.found();
}
