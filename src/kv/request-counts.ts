// What has been sent so far, by operation: the numbers of a summary, exact, with retries.

import type { ByteCount } from "../core/clock.ts";
import type { Operation, RequestCounts } from "./kv-api.ts";

export interface RequestCounter {
  counted(operation: Operation, isRetry: boolean): void;
  sent(bytes: ByteCount): void;
  received(bytes: ByteCount): void;
  /** A snapshot. */
  read(): RequestCounts;
}

const NO_REQUESTS = {
  list: 0,
  bulkWrite: 0,
  bulkDelete: 0,
  bulkGet: 0,
  read: 0,
  write: 0,
  delete: 0,
  metadata: 0,
  namespace: 0,
  changes: 0,
  total: 0,
  retries: 0,
  bytesUp: 0,
  bytesDown: 0,
} satisfies RequestCounts;

export function openRequestCounter(): RequestCounter {
  const counts = { ...NO_REQUESTS };
  return {
    counted: (operation, isRetry) => {
      counts[operation]++;
      counts.total++;
      if (isRetry) counts.retries++;
    },
    sent: (bytes) => {
      counts.bytesUp += bytes;
    },
    received: (bytes) => {
      counts.bytesDown += bytes;
    },
    read: () => ({ ...counts }),
  };
}

/** What has been sent since `before`. */
export function requestsSince(before: RequestCounts = NO_REQUESTS, now: RequestCounts): RequestCounts {
  const names = Object.keys(NO_REQUESTS) as (keyof RequestCounts)[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as unknown as RequestCounts;
}
