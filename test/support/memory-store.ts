// A store in memory, for tests of what stands on one: time is a clock's, and what it holds can be looked at, damaged and aged.

import type { Clock, EpochMs } from "../../src/core/clock.ts";
import { parseObjectName } from "../../src/backup/store/object-name.ts";
import { shortObject } from "../../src/backup/store/short-object.ts";
import type { Store } from "../../src/backup/store/store.ts";

export interface MemoryStore extends Store {
  readonly objects: Map<string, { readonly bytes: Uint8Array; readonly modified: EpochMs }>;
}

export function openMemoryStore(clock: Clock, label = "memory"): MemoryStore {
  const objects: MemoryStore["objects"] = new Map();
  return {
    label,
    objects,
    async putNew(name, bytes, options) {
      options?.signal?.throwIfAborted();
      parseObjectName(name);
      if (objects.has(name)) return "exists";
      objects.set(name, { bytes: Uint8Array.from(bytes), modified: clock.now() });
      return "written";
    },
    async get(name, range, options) {
      options?.signal?.throwIfAborted();
      parseObjectName(name);
      const found = objects.get(name)?.bytes;
      if (found === undefined || range === undefined) return found && Uint8Array.from(found);
      const size = found.byteLength;
      if (range.at + range.length > size) throw shortObject({ name, label, size, range });
      return Uint8Array.from(found.subarray(range.at, range.at + range.length));
    },
    async head(name, options) {
      options?.signal?.throwIfAborted();
      parseObjectName(name);
      const found = objects.get(name);
      return found && { name, size: found.bytes.byteLength, modified: found.modified };
    },
    async *list(prefix, options) {
      options?.signal?.throwIfAborted();
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix));
      const page = names.map((name) => ({
        name,
        size: objects.get(name)!.bytes.byteLength,
        modified: objects.get(name)!.modified,
      }));
      if (page.length > 0) yield page;
    },
    async remove(name, options) {
      options?.signal?.throwIfAborted();
      parseObjectName(name);
      objects.delete(name);
    },
    async now(options) {
      options?.signal?.throwIfAborted();
      return clock.now();
    },
    close: async () => {},
  };
}
