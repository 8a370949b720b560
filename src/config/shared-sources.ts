// Which backups of a config may back up the same source into the same repository. A namespace may be named by its id and by its title, and
// an account by several names: where that cannot be told apart, it counts as the same. Pure.

import { parsePrefix } from "../core/prefix.ts";
import type { AccountConfig, BackupConfig, RepositoryConfig } from "./config.ts";

type Accounts = ReadonlyMap<string, Pick<AccountConfig, "accountId">>;
type Backup = Pick<BackupConfig, "name" | "sources" | "repository" | "prefix" | "include" | "exclude">;

/** The names of those of `others` that share a source with `backup`. */
export function findSharing(backup: Backup, others: Iterable<Backup>, accounts: Accounts): readonly string[] {
  const shares = (other: Backup): boolean =>
    other.name !== backup.name &&
    storeKey(other.repository) === storeKey(backup.repository) &&
    filterKey(other) === filterKey(backup) &&
    other.sources.some((left) => backup.sources.some((right) => maySame(left, right, accounts)));
  return [...others].filter(shares).map(({ name }) => name);
}

function storeKey({ store }: RepositoryConfig): string {
  return store.kind === "folder" ? store.path : `s3://${store.bucket}/${store.prefix} ${store.endpoint}`;
}

function filterKey({ prefix, include, exclude }: Backup): string {
  return JSON.stringify([prefix, include, exclude]);
}

function maySame(left: string, right: string, accounts: Accounts): boolean {
  const [one, other] = [parseSource(left, accounts), parseSource(right, accounts)];
  if (one === undefined || other === undefined) return left === right;
  if (one.account !== other.account || one.prefix !== other.prefix) return false;
  return one.namespace === other.namespace || [one, other].some(({ namespace }) => isOfAny(namespace));
}

/** Every namespace, or an id: whose title it has is not known here. */
function isOfAny(namespace: string): boolean {
  return namespace === "*" || /^[0-9a-f]{32}$/i.test(namespace);
}

/** Undefined: a path. */
function parseSource(
  text: string,
  accounts: Accounts,
): { readonly account: string; readonly namespace: string; readonly prefix: string } | undefined {
  const [, account, namespace, rest] = /^([^:/]+):([^/]*)(?:\/(.*))?$/s.exec(text) ?? [];
  if (account === undefined || namespace === undefined) return undefined;
  return { account: accounts.get(account)?.accountId ?? account, namespace, prefix: parsePrefix(rest ?? "") };
}
