// The store in an SQLite file, or in memory: one connection, whose calls answer at once unless a transaction is open.

import type { Clock } from "../../../core/clock.ts";
import type { EntryStore, NamespaceStore, Store } from "../store.ts";
import { openChangeLog } from "./change-log.ts";
import { openDatabase } from "./database.ts";
import { openNamespaces } from "./namespaces.ts";
import { openReading } from "./read-entries.ts";
import { openTurns } from "./turns.ts";
import { openValues } from "./values.ts";
import { openWriting } from "./write-entries.ts";

/** Opens (and creates) the file at `path`, or a private store for ":memory:". Throws as `openDatabase` does. */
export async function openSqliteStore(path: string, clock: Clock): Promise<Store> {
  const database = await openDatabase(path, clock);
  const turns = openTurns(database);
  const { inTurn } = turns;
  const log = openChangeLog(database, clock);
  const values = openValues(database, clock, turns);
  const namespaces = openNamespaces(database, clock);
  const writing = openWriting(database, values, log);
  const entries = { ...openReading(database, namespaces, values), write: writing.write, remove: writing.remove };

  /** The same, and then those who watch are told. */
  const telling =
    <Given extends readonly unknown[], Result>(work: (...given: Given) => Result): ((...given: Given) => Result) =>
    (...given) => {
      const result = work(...given);
      log.wake();
      return result;
    };

  const outerNamespaces: NamespaceStore = {
    find: inTurn(namespaces.find),
    list: inTurn(namespaces.list),
    count: inTurn(namespaces.count),
    accounts: inTurn(namespaces.accounts),
    create: inTurn(namespaces.create),
    rename: inTurn(namespaces.rename),
    remove: inTurn(telling(namespaces.remove)),
  };
  const outerEntries: EntryStore = {
    read: inTurn(entries.read),
    readQuoted: inTurn(entries.readQuoted),
    readMetadata: inTurn(entries.readMetadata),
    list: inTurn(entries.list),
    write: inTurn(telling(entries.write)),
    remove: inTurn(telling(entries.remove)),
  };
  const purge = (now: Parameters<Store["purge"]>[0], count: number): number => {
    const gone = writing.purge(now, count) + values.purge(now) + log.purge(now, count);
    if (gone > 0) log.wake();
    return gone;
  };

  return {
    namespaces: outerNamespaces,
    entries: outerEntries,
    async transaction(body) {
      const result = await turns.transaction(() => body({ namespaces, entries }));
      log.wake();
      return result;
    },
    stage: (chunks) => values.stage(chunks),
    changes: {
      era: () => log.era(),
      last: inTurn(log.last),
      read: inTurn(log.read),
      watch: (id, listener) => log.watch(id, listener),
    },
    purge: inTurn(purge),
    // What was opened stays open.
    check: () => undefined,
    close() {
      log.close();
      database.close();
    },
  };
}
