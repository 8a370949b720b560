// What one request has changed in the store: noted where the store is asked, so that it is what was done, whatever was answered.

import type { EpochMs } from "../../core/clock.ts";
import type { EntryStore, NamespaceStore, ReadOnlyStore, Soon, Store, StoredNamespace } from "../store/store.ts";
import { decodeKey, type Route } from "../route.ts";
import { wrapStore } from "./wrap-store.ts";

export type ChangeOperation =
  | "write"
  | "bulkWrite"
  | "delete"
  | "bulkDelete"
  | "namespaceCreate"
  | "namespaceRename"
  | "namespaceDelete";

/** A request that was to change something, by somebody who is known, and what became of it. */
export interface Change {
  readonly at: EpochMs;
  /** See {@link Authorised.who}. */
  readonly by: string;
  /** The address that it came from. */
  readonly from: string;
  readonly operation: ChangeOperation;
  readonly account: string;
  /** The id; undefined: none was made. */
  readonly namespace: string | undefined;
  /** As it was before; undefined: there is no such namespace, or it was not looked for. */
  readonly title: string | undefined;
  /** What a namespace was to be called from then on. */
  readonly newTitle: string | undefined;
  /** Of an operation on one key. */
  readonly key: string | undefined;
  /** Of a bulk operation: how many were written or deleted; undefined: it did not come to that. */
  readonly keys: number | undefined;
  /** Whether the store has done it. */
  readonly isDone: boolean;
  /** Of the answer. */
  readonly status: number;
}

export interface ChangeRecorder {
  /** `store`, and what this request changes in it is noted. */
  watch(store: Store | ReadOnlyStore): Store | ReadOnlyStore;
  ended(at: EpochMs, status: number): Change;
}

interface Noted {
  namespace?: StoredNamespace | undefined;
  newTitle?: string | undefined;
  keys?: number | undefined;
  isDone: boolean;
}

export function recordChange(
  operation: ChangeOperation,
  route: Route,
  { who, address }: { readonly who: string; readonly address: string },
): ChangeRecorder {
  const noted: Noted = { isDone: false };
  const isBulk = operation === "bulkWrite" || operation === "bulkDelete";
  return {
    watch(store) {
      // A transaction that is run again notes the same again.
      if ("isReadOnly" in store) return store;
      return wrapStore(store, ({ namespaces, entries }) => ({
        namespaces: watchNamespaces(namespaces, noted),
        entries: watchEntries(entries, noted),
      }));
    },
    ended: (at, status) => ({
      at,
      by: who,
      from: address,
      operation,
      account: route.account,
      namespace: noted.namespace?.id ?? (route.namespaceId === "" ? undefined : route.namespaceId.toLowerCase()),
      title: noted.namespace?.title,
      newTitle: noted.newTitle,
      key: route.rawKey === "" ? undefined : (decodeKey(route.rawKey) ?? route.rawKey),
      keys: isBulk ? noted.keys : undefined,
      isDone: noted.isDone,
      status,
    }),
  };
}

function watchNamespaces(namespaces: NamespaceStore, noted: Noted): NamespaceStore {
  return {
    find: (account, id) =>
      soon(namespaces.find(account, id), (found) => {
        noted.namespace = found;
      }),
    list: (account, page) => namespaces.list(account, page),
    count: (account) => namespaces.count(account),
    accounts: () => namespaces.accounts(),
    create: (account, title, kind) => {
      noted.newTitle = title;
      return soon(namespaces.create(account, title, kind), (created) => {
        noted.namespace = created;
        noted.isDone = created !== undefined;
      });
    },
    rename: (account, id, title) => {
      noted.newTitle = title;
      return soon(namespaces.rename(account, id, title), (outcome) => {
        noted.isDone = outcome === "renamed";
      });
    },
    remove: (id) =>
      soon(namespaces.remove(id), (isRemoved) => {
        noted.isDone = isRemoved;
      }),
  };
}

function watchEntries(entries: EntryStore, noted: Noted): EntryStore {
  return {
    read: (namespace, key, now) => entries.read(namespace, key, now),
    readQuoted: (namespace, keys, bytesMax, now) => entries.readQuoted(namespace, keys, bytesMax, now),
    readMetadata: (namespace, key, now) => entries.readMetadata(namespace, key, now),
    list: (namespace, range, now) => entries.list(namespace, range, now),
    write: (namespace, writes, now) =>
      soon(entries.write(namespace, writes, now), (isWritten) => {
        noted.isDone = isWritten;
        noted.keys = writes.length;
      }),
    remove: (namespace, keys, now) =>
      soon(entries.remove(namespace, keys, now), () => {
        noted.isDone = true;
        noted.keys = keys.length;
      }),
  };
}

/** What is there at once stays so: nothing comes between. */
function soon<T>(value: Soon<T>, note: (value: T) => void): Soon<T> {
  if (value instanceof Promise)
    return value.then((later: T) => {
      note(later);
      return later;
    });
  note(value);
  return value;
}
