// The requests that a command makes, by kind, as its summary tells them: those of all accounts that it works with, together.

import type { KvApi, RequestCounts } from "../../kv/kv-api.ts";

/** Counts from now on; undefined where nothing is asked of an API. */
export function countRequests(apis: readonly (KvApi | undefined)[]): () => RequestCounts | undefined {
  const counted = [...new Set(apis)].filter((api) => api !== undefined);
  const before = counted.map((api) => api.counts());
  return () => {
    const since = counted.map((api, index) => combine(api.counts(), before[index]!, (now, then) => now - then));
    return since.length === 0 ? undefined : since.reduce((a, b) => combine(a, b, (one, other) => one + other));
  };
}

function combine(a: RequestCounts, b: RequestCounts, how: (a: number, b: number) => number): RequestCounts {
  const names = Object.keys(a) as (keyof RequestCounts)[];
  return Object.fromEntries(names.map((name) => [name, how(a[name], b[name])])) as unknown as RequestCounts;
}

/** What stands in a summary under "requests". */
export function requestsRecord(requests: RequestCounts | undefined): object {
  const {
    list = 0,
    bulkWrite = 0,
    bulkDelete = 0,
    bulkGet = 0,
    read = 0,
    write = 0,
    metadata = 0,
    namespace = 0,
    total = 0,
  } = requests ?? {};
  return {
    list,
    bulkWrite,
    bulkDelete,
    bulkGet,
    read,
    write,
    delete: requests?.delete ?? 0,
    metadata,
    namespace,
    total,
  };
}
