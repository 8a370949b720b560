// Counts what listing a mapping's namespace costs: the account's own count is of all mappings together.

import type { KvApi } from "../kv/kv-api.ts";

export interface CountedLists {
  readonly api: KvApi;
  /** List requests so far; retries are not among them. */
  readonly counted: () => number;
}

export function countLists(inner: KvApi): CountedLists {
  let requests = 0;
  const api: KvApi = {
    ...inner,
    listKeys: (id, query, options) => {
      requests++;
      return inner.listKeys(id, query, options);
    },
  };
  return { api, counted: () => requests };
}
