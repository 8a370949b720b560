// The store as one token sees it: a namespace that it may not see is not there, not in a page of a listing nor in a count.

import { NAMESPACES_MAX } from "../../core/limits.ts";
import { authenticationError, tooManyNamespaces } from "../refusal.ts";
import type { NamespaceReader, NamespaceStore, ReadOnlyStore, Store, StoredNamespace } from "../store/store.ts";
import type { Rights } from "./rights.ts";
import { wrapStore } from "./wrap-store.ts";

type Page = Parameters<NamespaceReader["list"]>[1];

/** What would give a namespace a title that the token has no glob for throws a Refusal. */
export function visibleStore(store: Store | ReadOnlyStore, rights: Rights): Store | ReadOnlyStore {
  if (rights.seesAll) return store;
  if ("isReadOnly" in store)
    return { isReadOnly: true, namespaces: visibleReader(store.namespaces, rights), entries: store.entries };
  return wrapStore(store, ({ namespaces, entries }) => ({
    namespaces: visibleNamespaces(namespaces, rights),
    entries,
  }));
}

function visibleReader(namespaces: NamespaceReader, rights: Rights): NamespaceReader {
  /** In the order that is asked for. */
  async function listAll(account: string, { order, direction }: Pick<Page, "order" | "direction">) {
    const found: StoredNamespace[] = [];
    for (let offset = 0; ; offset += NAMESPACES_MAX) {
      const page = await namespaces.list(account, { order, direction, offset, count: NAMESPACES_MAX });
      found.push(...page.filter((each) => rights.maySee(each)));
      if (page.length < NAMESPACES_MAX) return found;
    }
  }
  const count = async (account: string): Promise<number> => {
    if (rights.seesAllNamespaces) return namespaces.count(account);
    return (await listAll(account, { order: "id", direction: "asc" })).length;
  };
  return {
    async find(account, id) {
      const found = await namespaces.find(account, id);
      return found !== undefined && rights.maySee(found) ? found : undefined;
    },
    async list(account, page) {
      if (rights.seesAllNamespaces) return namespaces.list(account, page);
      return (await listAll(account, page)).slice(page.offset, page.offset + page.count);
    },
    count,
    async accounts() {
      const seen = new Set(rights.namedAccounts);
      for (const account of await namespaces.accounts())
        if (rights.mayUseAccount(account) && (await count(account)) > 0) seen.add(account);
      return [...seen].toSorted(); // ids are ASCII
    },
  };
}

function visibleNamespaces(namespaces: NamespaceStore, rights: Rights): NamespaceStore {
  return {
    ...visibleReader(namespaces, rights),
    async create(account, title, kind) {
      checkTitle(rights, title);
      // The limit is the account's, however little of it this token sees.
      if ((await namespaces.count(account)) >= NAMESPACES_MAX) throw tooManyNamespaces();
      return namespaces.create(account, title, kind);
    },
    rename(account, id, title) {
      checkTitle(rights, title);
      return namespaces.rename(account, id, title);
    },
    remove: (id) => namespaces.remove(id),
  };
}

function checkTitle(rights: Rights, title: string): void {
  if (!rights.mayGiveTitle(title)) throw authenticationError("this token may give no namespace that title");
}
