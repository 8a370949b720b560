// The limits on what is done rather than on how often one asks: the Free plan's daily quota, and one write a second to
// one key.

import type { Clock } from "../core/clock.ts";
import type { CheckedPlan } from "./faults.ts";
import { freeQuotaUsedUp, keyWrittenTooOften } from "./refusal.ts";
import type { StoredNamespaceId } from "./store/store.ts";

type Usage = "reads" | "writes" | "deletes" | "lists";

export interface UsageLimits {
  /** Counts `amount` keys read or deleted, or listings, or throws a Refusal. */
  use(usage: Usage, amount: number): void;
  /** Counts a write to each of `keys`, or throws a Refusal for all of them. */
  write(namespace: StoredNamespaceId, keys: readonly string[]): void;
}

const DAY_MS = 86_400_000;
const KEY_INTERVAL_MS = 1000;

export function usageLimits(plan: CheckedPlan, clock: Clock): UsageLimits {
  const { freeQuota } = plan;
  const used = { day: -1, reads: 0, writes: 0, deletes: 0, lists: 0 };
  const lastWrites = new Map<string, number>();

  function use(usage: Usage, amount: number): void {
    if (freeQuota === undefined) return;
    const day = Math.floor(clock.now() / DAY_MS);
    if (day !== used.day) Object.assign(used, { day, reads: 0, writes: 0, deletes: 0, lists: 0 });
    if (used[usage] + amount > freeQuota[usage]) throw freeQuotaUsedUp();
    used[usage] += amount;
  }

  function spaceOut(namespace: StoredNamespaceId, keys: readonly string[]): void {
    const now = clock.monotonic();
    const names = keys.map((key) => `${namespace}/${key}`);
    if (names.some((name) => now - (lastWrites.get(name) ?? -Infinity) < KEY_INTERVAL_MS)) throw keyWrittenTooOften();
    for (const [name, at] of lastWrites) {
      if (now - at < KEY_INTERVAL_MS) break; // in the order of writing: all later ones are as recent
      lastWrites.delete(name);
    }
    for (const name of names) {
      lastWrites.delete(name);
      lastWrites.set(name, now);
    }
  }

  return {
    use,
    write(namespace, keys) {
      use("writes", keys.length);
      if (plan.keyWriteInterval === true) spaceOut(namespace, keys);
    },
  };
}
