// What a migration takes: requests on both sides, time under the two budgets, money, and days on the Free plan. Pure. It is told
// before the first write, from what the listings say; values that are not text cost a request each at the source, and which they are
// no listing tells.

import type { DurationMs } from "../../core/clock.ts";
import { BULK_BODY_BYTES_MAX, BULK_GET_KEYS_MAX, BULK_ITEMS_MAX, LIST_PAGE_KEYS_MAX } from "../../core/limits.ts";
import { estimateCost, freePlanDays } from "../cost.ts";

export interface EstimatedNamespace {
  readonly sourceKeys: number;
  /** What the destination holds: all of it is read, and kept in an archive. */
  readonly destinationKeys: number;
  /** Keys of it that are replaced: each is read once more before that. */
  readonly replaced: number;
  readonly writes: number;
  readonly bytes: number;
}

export interface Budget {
  readonly requests: number;
  readonly windowMs: DurationMs;
}

export interface Estimate {
  readonly keys: number;
  readonly writes: number;
  /** Of those values whose size is known. */
  readonly bytes: number;
  readonly requests: { readonly source: number; readonly destination: number };
  /** Under the budgets, both used at once. */
  readonly timeMs: DurationMs;
  /** In US dollars, beyond what a paid plan includes. */
  readonly dollars: number;
  readonly freePlanDays: number;
}

export interface EstimateOptions {
  /** The part of the values that are read on both sides to prove the copy: 0 to 1. */
  readonly proofShare: number;
  readonly source: Budget;
  readonly destination: Budget;
}

/** A migration lists each side to plan, and again to prove; and a destination that holds something to keep that. */
const LISTINGS = 2;

export function estimateMigration(namespaces: readonly EstimatedNamespace[], options: EstimateOptions): Estimate {
  const { proofShare, source, destination } = options;
  const sum = (of: (one: EstimatedNamespace) => number): number => namespaces.reduce((all, one) => all + of(one), 0);
  const proofGets = (keys: number): number => Math.ceil((keys * proofShare) / BULK_GET_KEYS_MAX);
  const keys = sum((one) => one.sourceKeys);
  const writes = sum((one) => one.writes);
  const bytes = sum((one) => one.bytes);
  const lists = {
    source: sum((one) => LISTINGS * pages(one.sourceKeys)),
    destination: sum(
      (one) =>
        pages(one.destinationKeys) +
        (one.destinationKeys > 0 ? pages(one.destinationKeys) : 0) +
        pages(one.destinationKeys + one.writes - one.replaced),
    ),
  };
  const keptGets = sum(
    (one) => Math.ceil(one.destinationKeys / BULK_GET_KEYS_MAX) + Math.ceil(one.replaced / BULK_GET_KEYS_MAX),
  );
  const sourceRequests =
    lists.source + sum((one) => Math.ceil(one.writes / BULK_GET_KEYS_MAX) + proofGets(one.sourceKeys));
  const bulkWrites = (one: EstimatedNamespace): number =>
    one.writes === 0 ? 0 : Math.max(Math.ceil(one.writes / BULK_ITEMS_MAX), Math.ceil(one.bytes / BULK_BODY_BYTES_MAX));
  const destinationRequests = lists.destination + keptGets + sum((one) => bulkWrites(one) + proofGets(one.sourceKeys));
  const reads = writes + 2 * keys * proofShare + sum((one) => one.destinationKeys + one.replaced);
  const operations = { reads, writes, deletes: 0, lists: lists.source + lists.destination };
  return {
    keys,
    writes,
    bytes,
    requests: { source: sourceRequests, destination: destinationRequests },
    timeMs: Math.max(timeOf(sourceRequests, source), timeOf(destinationRequests, destination)),
    dollars: estimateCost(operations),
    // Each account has quotas of its own.
    freePlanDays: freePlanDays({ ...operations, lists: Math.max(lists.source, lists.destination) }),
  };
}

function pages(keys: number): number {
  return Math.max(1, Math.ceil(keys / LIST_PAGE_KEYS_MAX));
}

/** The first window's requests may go at once. */
function timeOf(requests: number, { requests: quota, windowMs }: Budget): DurationMs {
  if (!Number.isFinite(quota) || requests <= quota) return 0;
  return ((requests - quota) / quota) * windowMs;
}
