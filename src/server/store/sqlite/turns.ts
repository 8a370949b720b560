// Whose turn it is at the one connection. A call does its work in one go, and most answer at once. A transaction of several calls gives way
// to others between two of them, which then wait for its end: they would see, and be part of, what may be taken back.

import { type Soon, StoreUnavailable } from "../store.ts";
import { type Database, isBusy } from "./database.ts";

export interface Turns {
  /** What does `work` when no transaction is open, in one go. */
  readonly inTurn: <Given extends readonly unknown[], Result>(
    work: (...given: Given) => Result,
  ) => (...given: Given) => Soon<Result>;
  transaction<T>(body: () => Soon<T>): Promise<T>;
}

export function openTurns(database: Database): Turns {
  /** Resolves when the transaction that is open has ended. */
  let open: Promise<void> | undefined;

  return {
    inTurn<Given extends readonly unknown[], Result>(work: (...given: Given) => Result) {
      const attempt = (...given: Given): Soon<Result> => {
        if (open !== undefined) return open.then(() => attempt(...given));
        try {
          return work(...given);
        } catch (error) {
          throw asUnavailable(error);
        }
      };
      return attempt;
    },
    async transaction(body) {
      for (let before = open; before !== undefined; before = open) await before;
      const { promise, resolve } = Promise.withResolvers<void>();
      open = promise;
      try {
        return await database.transactionOf(async () => body());
      } catch (error) {
        throw asUnavailable(error);
      } finally {
        open = undefined;
        resolve();
      }
    },
  };
}

/** Another process holds the file for longer than one waits for it. */
function asUnavailable(error: unknown): unknown {
  return isBusy(error) ? new StoreUnavailable("another process writes to the database", { cause: error }) : error;
}
