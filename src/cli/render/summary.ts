// The last line of --json: what a command did, to what, and at what cost. The form is a contract with scripts.

import type { RequestCounts } from "../../kv/kv-api.ts";

export interface SummaryFields {
  /** `push`, `key put`. */
  readonly command: string;
  readonly account?: string | undefined;
  readonly namespace?: string | undefined;
  /** Of the namespace, where it is what was changed. */
  readonly id?: string | undefined;
  readonly mapping?: string | undefined;
  /** Keys or files changed on the destination. */
  readonly written?: number;
  readonly removed?: number;
  readonly failed?: number;
}

/** Fields that do not apply are left out. */
export function summaryRecord(fields: SummaryFields, counts: RequestCounts, durationMs: number): object {
  const { retries, bytesUp, bytesDown, ...requests } = counts;
  return { type: "summary", ...fields, bytesUp, bytesDown, requests, retries, durationMs };
}
