// Statements that a connection keeps. A view of the journal is opened for each round, and rounds follow each other all day: to prepare its
// thirty statements took longer than what most rounds do with them.

import type { DatabaseSync, StatementSync } from "node:sqlite";

const kept = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** `database` is about to be closed. A statement holds on to its database, which would be kept by its own statements. */
export function forgetPrepared(database: DatabaseSync): void {
  kept.delete(database);
}

/** The statement `sql` of `database`, which all who ask for it share: to be run to its end by `run`, `get` or `all`, and never iterated over, since
 * somebody else would begin it anew meanwhile. */
export function prepared(database: DatabaseSync, sql: string): StatementSync {
  let statements = kept.get(database);
  if (statements === undefined) kept.set(database, (statements = new Map()));
  let statement = statements.get(sql);
  if (statement === undefined) statements.set(sql, (statement = database.prepare(sql)));
  return statement;
}
