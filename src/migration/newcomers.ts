// Namespaces that fit what is asked for and were created at the source after the migration had begun. They are taken in, and created at the
// destination. One whose title the destination has by then is not: what that holds was never looked at.

import type { OpenAccount } from "../accounts/accounts.ts";
import { AppError, visible } from "../core/errors.ts";
import { namespaceRecord } from "./begin-migration.ts";
import { listAllNamespaces } from "../kv/list-all-namespaces.ts";
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
  /** By title, why one is not. */
  readonly failures: ReadonlyMap<string, AppError>;
}

/** One request, and another one if there are some. */
export async function takeInNewcomers(
  { source, destination, signal }: NewcomerDeps,
  store: MigrationStore,
): Promise<Newcomers> {
  const { asked, namespaces } = store.current();
  const failures = new Map<string, AppError>();
  // Which one of several has another title there was never said.
  if (asked.as !== null) return { taken: 0, failures };
  const known = new Set(namespaces.map(({ source: { id } }) => id));
  const fresh = (await listAllNamespaces(source.api, signal)).filter(
    (one) => !known.has(one.id) && isChosen(asked.namespaces, one),
  );
  if (fresh.length === 0) return { taken: 0, failures };
  const titles = new Set((await listAllNamespaces(destination.api, signal)).map(({ title }) => title));
  const records = fresh.flatMap((one) => {
    if (!titles.has(one.title)) return [namespaceRecord({ source: one, destination: undefined, title: one.title })];
    failures.set(one.title, isThereToo(destination.name, one.title));
    return [];
  });
  store.set({ namespaces: [...namespaces, ...records] });
  return { taken: records.length, failures };
}

function isThereToo(account: string, title: string): AppError {
  return new AppError(
    "incomplete",
    `was created at the source after the migration had begun, and ${account}:${visible(title)} is there already: it was not moved`,
    {
      hint: `migrate it by itself, under another name: kvsync migrate SOURCE:${visible(title)} ${account} --name NAME`,
    },
  );
}
