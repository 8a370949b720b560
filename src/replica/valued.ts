// A replica whose listing is not believed: every value is read to compare it. What reading a value says that its stamp
// does not is still reported by the replica itself, as a stale read.

import type { Replica } from "./replica.ts";

export function openValuedReplica(inner: Replica): Replica {
  return {
    ...inner,
    async *list(options) {
      for await (const page of inner.list(options)) {
        yield page.map((entry) => ({ ...entry, fingerprint: undefined, size: undefined }));
      }
    },
  };
}
