// A source of which only the keys that are asked for are seen, by the names that they have there: of the others nothing is told, whatever is
// wrong with them, but to whoever wants to know which they are.

import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import type { ListOptions, Pages, ReadableReplica } from "../../replica/replica.ts";
import { type IsManaged, withFilter } from "../../replica/with-filter.ts";

/** `raw`: a namespace. */
export function openAskedSource(
  raw: ReadableReplica,
  isAsked: IsManaged,
  onExcluded: (key: Key) => void = () => undefined,
): ReadableReplica {
  return { ...withFilter(raw, isAsked), list: (options) => list(raw, isAsked, onExcluded, options) };
}

async function* list(
  raw: ReadableReplica,
  isAsked: IsManaged,
  onExcluded: (key: Key) => void,
  options: ListOptions,
): Pages<Entry> {
  const { onProblem, onUnknown = () => undefined } = options;
  const told: ListOptions = {
    ...options,
    // A namespace's listing tells of keys alone.
    onProblem: (problem) => {
      if (isAsked(problem.subject as Key)) onProblem(problem);
    },
    onUnknown: (unknown) => {
      if (!("key" in unknown) || isAsked(unknown.key)) onUnknown(unknown);
      else onExcluded(unknown.key);
    },
  };
  for await (const page of raw.list(told)) {
    const asked: Entry[] = [];
    for (const entry of page) {
      if (isAsked(entry.key)) asked.push(entry);
      else onExcluded(entry.key);
    }
    yield asked;
  }
}
