// A tree seen through a mapping's rules: listed and read with the metadata and times to live that the rules add, and
// written without them, so that no sidecar repeats a rule.

import { applyRules, type Rule, withoutRules } from "../core/rule.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { ListOptions, Pages, Replica, Value } from "./replica.ts";

export function openRuledReplica(inner: Replica, rules: readonly Rule[]): Replica {
  if (rules.length === 0) return inner;
  const ruled = (entry: Entry): Entry => applyRules(rules, entry);
  return {
    ...inner,
    list: (options) => mapPages(inner.list(options), ruled),
    ...(inner.lookup !== undefined && {
      lookup: async (keys: readonly Key[], options: ListOptions) => (await inner.lookup!(keys, options)).map(ruled),
    }),
    read: (entries, options) =>
      mapPages(inner.read(entries, options), (outcome) =>
        outcome.kind === "value" ? { ...outcome, value: mapEntry(outcome.value, ruled) } : outcome,
      ),
    write: (writes, options) =>
      inner.write(
        mapPages(writes, (write) => ({
          ...write,
          value: mapEntry(write.value, (entry) => withoutRules(rules, entry)),
        })),
        options,
      ),
  };
}

function mapEntry(value: Value, change: (entry: Entry) => Entry): Value {
  return { ...value, entry: change(value.entry) };
}

async function* mapPages<A, B>(pages: Pages<A>, change: (item: A) => B): Pages<B> {
  for await (const page of pages) yield page.map(change);
}
