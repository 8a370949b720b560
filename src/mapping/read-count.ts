// Counts what looking at a mapping's namespace costs: the account's own count is of all mappings together.

import type { KvApi } from "../kv/kv-api.ts";

export interface CountedReads {
  readonly api: KvApi;
  /** Requests so far that list keys or read values; retries are not among them. */
  readonly counted: () => number;
}

export function countReads(inner: KvApi): CountedReads {
  let requests = 0;
  const api: KvApi = {
    ...inner,
    listKeys: (id, query, options) => {
      requests++;
      return inner.listKeys(id, query, options);
    },
    bulkGet: (id, keys, options) => {
      requests++;
      return inner.bulkGet(id, keys, options);
    },
    readValue: (id, key, options) => {
      requests++;
      return inner.readValue(id, key, options);
    },
  };
  return { api, counted: () => requests };
}
