// What operations of Workers KV cost on a paid plan, beyond what it includes a month (docs: /kv/platform/pricing).

export interface Operations {
  /** Keys read, written and deleted, however many go into one request. */
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
  /** Requests that list. */
  readonly lists: number;
}

/** Dollars a million. */
const PRICES: Operations = { reads: 0.5, writes: 5, deletes: 5, lists: 5 };

/** In US dollars. */
export function estimateCost({ reads, writes, deletes, lists }: Operations): number {
  const { reads: read, writes: write, deletes: remove, lists: list } = PRICES;
  return (reads * read + writes * write + deletes * remove + lists * list) / 1e6;
}

/** A day of the Free plan. */
const FREE: Operations = { reads: 100_000, writes: 1000, deletes: 1000, lists: 1000 };

/** How many days of the Free plan's quotas they take. */
export function freePlanDays(operations: Operations): number {
  const names = ["reads", "writes", "deletes", "lists"] as const;
  return Math.max(...names.map((name) => Math.ceil(operations[name] / FREE[name])));
}
