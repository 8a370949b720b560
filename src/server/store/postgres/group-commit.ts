// What many ask of one namespace at once is done together. Who writes to a namespace waits for the commit of the one before him, and that for the
// disk: so while one write is under way, those that come for the same namespace wait here, and then go as one statement. With 32
// clients that is eight times as many writes a second, and nobody waits longer than he would have in the database.

import type { EpochSeconds } from "../../../core/clock.ts";
import { type EntryStore, type EntryWrite, type StoredNamespaceId, StoreUnavailable } from "../store.ts";
import { ROWS_MAX, weightOf } from "./writes.ts";

interface Grouping<Item, Result> {
  /** Does all of `items`, in their order, or nothing if it rejects. */
  readonly run: (namespace: StoredNamespaceId, items: readonly Item[]) => Promise<Result>;
  /** What an item adds to a group of up to {@link weightMax}. */
  readonly weight: (item: Item) => number;
  readonly weightMax: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Does `item` with others of its namespace. */
export function groupCommit<Item, Result>({
  run,
  weight,
  weightMax,
}: Grouping<Item, Result>): (namespace: StoredNamespaceId, item: Item) => Promise<Result> {
  /** Of the namespaces that something is under way for. */
  const queues = new Map<StoredNamespaceId, Waiting<Item, Result>[]>();

  function take(queue: Waiting<Item, Result>[]): readonly Waiting<Item, Result>[] {
    let count = 0;
    for (let sum = 0; count < queue.length; count++) {
      sum += weight(queue[count]!.item);
      if (count > 0 && sum > weightMax) break;
    }
    return queue.splice(0, count);
  }

  async function runGroup(namespace: StoredNamespaceId, group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const result = await run(
        namespace,
        group.map(({ item }) => item),
      );
      for (const { resolve } of group) resolve(result);
    } catch (error) {
      if (group.length === 1 || error instanceof StoreUnavailable) for (const { reject } of group) reject(error);
      // One of them is to blame: the others are not to fail with it.
      else for (const one of group) await runGroup(namespace, [one]);
    }
  }

  async function runQueue(namespace: StoredNamespaceId, queue: Waiting<Item, Result>[]): Promise<void> {
    while (queue.length > 0) await runGroup(namespace, take(queue));
    queues.delete(namespace);
  }

  return (namespace, item) =>
    new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      const queue = queues.get(namespace);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      const begun = [waiting];
      queues.set(namespace, begun);
      void runQueue(namespace, begun);
    });
}

type Writer = Pick<EntryStore, "write" | "remove">;

/** `writer`, whose short writes and removals of one namespace go together: as of the moment of the last one. */
export function groupedWriter(writer: Writer): Writer {
  const write = groupCommit<Asked<EntryWrite>, boolean>({
    run: async (namespace, asked) => writer.write(namespace, allOf(asked), momentOf(asked)),
    weight: (asked) => weightOf(asked.what),
    weightMax: 1,
  });
  const remove = groupCommit<Asked<string>, void>({
    run: async (namespace, asked) => writer.remove(namespace, allOf(asked), momentOf(asked)),
    weight: (asked) => asked.what.length / ROWS_MAX,
    weightMax: 1,
  });
  return {
    write: (namespace, what, now) =>
      weightOf(what) > 1 ? writer.write(namespace, what, now) : write(namespace, { what, now }),
    remove: (namespace, what, now) => remove(namespace, { what, now }),
  };
}

interface Asked<What> {
  readonly what: readonly What[];
  readonly now: EpochSeconds;
}

const allOf = <What>(asked: readonly Asked<What>[]): readonly What[] => asked.flatMap(({ what }) => what);
const momentOf = (asked: readonly Asked<unknown>[]): EpochSeconds => asked.at(-1)!.now;
