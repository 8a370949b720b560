// What was read last, up to a number of bytes. What was not asked for the longest goes first.

import type { ByteCount } from "../../core/clock.ts";

export interface ByteCache<T> {
  get(name: string): T | undefined;
  put(name: string, value: T, size: ByteCount): void;
  remove(name: string): void;
}

export function openByteCache<T>(bytesMax: ByteCount): ByteCache<T> {
  const kept = new Map<string, { readonly value: T; readonly size: ByteCount }>();
  let total = 0;
  const remove = (name: string): void => {
    total -= kept.get(name)?.size ?? 0;
    kept.delete(name);
  };
  return {
    get(name) {
      const found = kept.get(name);
      if (found === undefined) return undefined;
      kept.delete(name);
      kept.set(name, found);
      return found.value;
    },
    put(name, value, size) {
      remove(name);
      kept.set(name, { value, size });
      total += size;
      for (const oldest of kept.keys()) {
        if (total <= bytesMax || kept.size === 1) break;
        remove(oldest);
      }
    },
    remove,
  };
}
