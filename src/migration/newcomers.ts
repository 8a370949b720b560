// Namespaces that fit what is asked for and were created at the source after the migration had begun. They are taken in, and created at the
// destination. One whose title the destination has by then is not: what that holds was never looked at.

import { kvsyncCommand } from "../core/shell-word.ts";
import type { OpenAccount } from "../accounts/accounts.ts";
import { AppError, visible } from "../core/errors.ts";
import { namespaceRecord } from "./begin-migration.ts";
import { listAllNamespaces } from "../kv/list-all-namespaces.ts";
import type { NamespaceFacts } from "./migration-record.ts";
import type { MigrationStore } from "./migration-store.ts";
import { isChosen } from "./select-namespaces.ts";

export interface NewcomerDeps {
  readonly source: OpenAccount;
  readonly destination: OpenAccount;
  readonly signal: AbortSignal;
}

export interface Newcomers {
  /** How many are in the record now. */
  readonly taken: number;
  /** Those that are not. */
  readonly refused: readonly RefusedNewcomer[];
}

/** A namespace that came to the source, and why it is not moved. */
export interface RefusedNewcomer {
  readonly source: NamespaceFacts;
  readonly error: AppError;
}

/** One request, and another one if there are some. */
export async function takeInNewcomers(
  { source, destination, signal }: NewcomerDeps,
  store: MigrationStore,
): Promise<Newcomers> {
  const { asked, namespaces } = store.current();
  // Which one of several has another title there was never said.
  if (asked.as !== null) return { taken: 0, refused: [] };
  const known = new Set(namespaces.map(({ source: { id } }) => id));
  const fresh = (await listAllNamespaces(source.api, signal)).filter(
    (one) => !known.has(one.id) && isChosen(asked.namespaces, one),
  );
  if (fresh.length === 0) return { taken: 0, refused: [] };
  const titles = new Set((await listAllNamespaces(destination.api, signal)).map(({ title }) => title));
  const isTaken = ({ title }: NamespaceFacts): boolean => titles.has(title);
  const records = fresh
    .filter((one) => !isTaken(one))
    .map((one) => namespaceRecord({ source: one, destination: undefined, title: one.title }));
  if (records.length > 0) store.set({ namespaces: [...namespaces, ...records] });
  const refused = fresh.filter(isTaken).map((one) => ({ source: one, error: isThereToo(destination.name, one.title) }));
  return { taken: records.length, refused };
}

function isThereToo(account: string, title: string): AppError {
  return new AppError(
    "incomplete",
    `was created at the source after the migration had begun, and ${account}:${visible(title)} is there already: it was not moved`,
    {
      hint: `migrate it by itself, under another name: ${kvsyncCommand("migrate", [`SOURCE:${title}`, account], ["--name", "NAME"])}`,
    },
  );
}
