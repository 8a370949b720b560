// A replica in memory: for simulations and tests, and the simplest thing that meets the port's contract.

import type { Clock } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import { fingerprintOf } from "../core/fingerprint.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { isUtf8 } from "node:buffer";
import type { Pages, ReadOutcome, RemoveOutcome, Replica, Write, WriteOutcome } from "./replica.ts";

export interface MemoryReplica extends Replica {
  readonly lookup: NonNullable<Replica["lookup"]>;
  readonly fetch: NonNullable<Replica["fetch"]>;
  /** The keys held now, in order. */
  keys(): readonly Key[];
}

const PAGE_ENTRIES = 1000;

export function openMemoryReplica(options: { readonly clock: Clock; readonly label: string }): MemoryReplica {
  const held = new Map<Key, { readonly entry: Entry; readonly bytes: Uint8Array }>();
  const keys = (): Key[] => [...held.keys()].sort(compareUtf8);
  const readKey = (key: Key): ReadOutcome => {
    const item = held.get(key);
    if (item === undefined) return { kind: "absent", key };
    return { kind: "value", key, value: { ...item, readAt: options.clock.now() } };
  };
  return {
    kind: "memory",
    label: options.label,
    traits: {
      eventuallyConsistent: false,
      readsCostRequests: false,
      readOrder: "any",
      writing: "in-place",
      needsBytesUntil: "next-page",
    },
    keys,
    async *list({ signal }) {
      const listed = keys();
      for (let at = 0; at < listed.length; at += PAGE_ENTRIES) {
        signal?.throwIfAborted();
        yield listed.slice(at, at + PAGE_ENTRIES).flatMap((key) => held.get(key)?.entry ?? []);
      }
    },
    async lookup(wanted) {
      return wanted.flatMap((key) => held.get(key)?.entry ?? []);
    },
    async *fetch(wanted) {
      yield wanted.map(readKey);
    },
    async *read(entries: Pages<Entry>): Pages<ReadOutcome> {
      for await (const page of entries) yield page.map(({ key }) => readKey(key));
    },
    async *write(writes: Pages<Write>): Pages<WriteOutcome> {
      for await (const page of writes) {
        yield page.map(({ value }) => {
          const entry = storedEntry(value.entry, value.bytes, options.clock);
          held.set(entry.key, { entry, bytes: Uint8Array.from(value.bytes) });
          return { kind: "written", key: entry.key, entry, confirmedAt: options.clock.now() };
        });
      }
    },
    keepConflictCopy: undefined,
    async *remove(entries: Pages<Entry>): Pages<RemoveOutcome> {
      for await (const page of entries) {
        for (const { key } of page) held.delete(key);
        yield page.map(({ key }) => ({ kind: "removed", key }));
      }
    },
    async close() {},
  };
}

function storedEntry(entry: Entry, bytes: Uint8Array, clock: Clock): Entry {
  const expiration =
    entry.ttlSeconds === undefined
      ? entry.expiration
      : ((Math.floor(clock.now() / 1000) + entry.ttlSeconds) as Entry["expiration"]);
  return {
    key: entry.key,
    fingerprint: fingerprintOf(bytes),
    metadata: entry.metadata,
    expiration,
    ttlSeconds: undefined,
    size: bytes.byteLength,
    signature: undefined,
    binary: !isUtf8(bytes),
  };
}
