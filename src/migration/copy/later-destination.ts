// A namespace that does not exist yet, as the destination of a round: it is empty while the round is planned, and is there when the
// plan is carried out.

import { NAMESPACE_TRAITS } from "../../replica/namespace/namespace-replica.ts";
import { assert } from "../../core/errors.ts";
import type { Replica } from "../../replica/replica.ts";

/** `created`: the namespace, once it is there. */
export function openLaterDestination(label: string, created: () => Replica | undefined): Replica {
  const inner = (): Replica => {
    const replica = created();
    assert(replica !== undefined, "nothing is written to a namespace before it is created");
    return replica;
  };
  return {
    kind: "namespace",
    label,
    traits: NAMESPACE_TRAITS,
    async *list(options) {
      const replica = created();
      if (replica !== undefined) yield* replica.list(options);
    },
    lookup: undefined,
    fetch: (keys, options) => inner().fetch!(keys, options),
    read: (entries, options) => inner().read(entries, options),
    write: (writes, options) => inner().write(writes, options),
    remove: (entries, options) => inner().remove(entries, options),
    keepConflictCopy: undefined,
    close: async () => created()?.close(),
  };
}
