// The two sides of one namespace of a migration, as a round takes them: the source filtered, and under the names that keys have at the
// destination; and what names the two for good, under which the base is kept.

import type { OpenAccount } from "../../accounts/accounts.ts";
import type { Clock } from "../../core/clock.ts";
import { compileFilter } from "../../core/filter.ts";
import type { Key } from "../../core/key.ts";
import { renderRemote } from "../../core/prefix.ts";
import type { BatchPace } from "../../kv/batch-ops.ts";
import type { NamespaceId } from "../../kv/kv-api.ts";
import { openNamespaceReplica } from "../../replica/namespace/namespace-replica.ts";
import type { ReadableReplica, Replica } from "../../replica/replica.ts";
import type { IsManaged } from "../../replica/with-filter.ts";
import type { Asked, AskedFilter, MigrationRecord, NamespaceFacts } from "../migration-record.ts";
import { INSTANT } from "../preflight/instant.ts";
import { formerNames, parseRename } from "../rename-keys.ts";
import { openAskedSource } from "./asked-source.ts";
import { openLaterDestination } from "./later-destination.ts";
import { openRenamedSource } from "./renamed-source.ts";

export interface SidesDeps {
  readonly clock: Clock;
  readonly source: OpenAccount;
  readonly destination: OpenAccount;
}

export interface NamespaceSides {
  /** Only the keys that are asked for, by their new names. */
  readonly source: ReadableReplica;
  /** `source`, which tells of the keys that are not asked for while it is listed, by their names there. */
  readonly provedSource: (onExcluded: (key: Key, reason: string) => void) => ReadableReplica;
  readonly destination: Replica;
  /** Why a key of the destination is none of the migration's: undefined: it is. */
  excludedBecause(key: Key): string | undefined;
  close(): Promise<void>;
}

export interface SidesOf {
  readonly source: NamespaceFacts;
  readonly destination: Omit<NamespaceFacts, "id">;
  /** Of the destination, as soon as it is there. */
  readonly destinationId: () => NamespaceId | null;
  /** How large the batches of the destination may be; as large as the API takes them, unless it is given. */
  readonly pace?: BatchPace | undefined;
}

export function openSides(
  deps: SidesDeps,
  asked: Pick<Asked, "rename" | "filter" | "stamp">,
  of: SidesOf,
): NamespaceSides {
  const { clock, source, destination } = deps;
  const { rename, filter } = asked;
  const rules = rename.map(parseRename);
  const isManaged = compileAsked(filter);
  const leftOut = `is left out: ${renderFilter(filter)}`;
  const open = (account: OpenAccount, id: NamespaceId, title: string, stamp: boolean, pace?: BatchPace): Replica =>
    openNamespaceReplica({
      clock,
      api: account.api,
      namespaceId: id,
      label: renderRemote(account.name, title, ""),
      stamp,
      pace,
    });
  let onExcluded: Parameters<NamespaceSides["provedSource"]>[0] | undefined;
  const raw = open(source, of.source.id, of.source.title, true);
  let created: Replica | undefined;
  const target = (): Replica | undefined => {
    const id = of.destinationId();
    if (created === undefined && id !== null)
      created = open(destination, id, of.destination.title, isStamped(asked, of.destination), of.pace);
    return created;
  };
  // Before they are renamed: a key that is not asked for may have the name that another one gets.
  const meant = isManaged === undefined ? raw : openAskedSource(raw, isManaged, (key) => onExcluded?.(key, leftOut));
  const view = rules.length === 0 ? meant : openRenamedSource(meant, rules, isManaged);
  return {
    source: view,
    provedSource: (tell) => {
      onExcluded = tell;
      return view;
    },
    destination: target() ?? openLaterDestination(renderRemote(destination.name, of.destination.title, ""), target),
    excludedBecause: (key) => {
      const isMeant = isManaged === undefined || (formerNames(key, rules) as readonly Key[]).some(isManaged);
      return isMeant ? undefined : leftOut;
    },
    close: () => view.close(),
  };
}

/** Whether values that are written to `destination` have kvsync's stamp in their metadata. */
export function isStamped({ stamp }: Pick<Asked, "stamp">, { mode }: Pick<NamespaceFacts, "mode">): boolean {
  return stamp !== false && mode !== INSTANT;
}

/** Under which the base of a namespace is kept: each migration begins with an empty one. */
export function identityOf(
  { name, startedAt }: Pick<MigrationRecord, "name" | "startedAt">,
  source: NamespaceId,
): string {
  return JSON.stringify({ migrate: [name, startedAt, source] });
}

/** Undefined: all keys. Throws AppError `config-invalid` for a pattern that could never match. */
function compileAsked({ prefix, include, exclude }: AskedFilter): IsManaged | undefined {
  if (prefix === "" && include.length === 0 && exclude.length === 0) return undefined;
  const passes = compileFilter({ include, exclude });
  return (key) => key.startsWith(prefix) && passes(key);
}

function renderFilter({ prefix, include, exclude }: AskedFilter): string {
  return [
    ...(prefix === "" ? [] : [`--prefix ${prefix}`]),
    ...include.map((pattern) => `--include ${pattern}`),
    ...exclude.map((pattern) => `--exclude ${pattern}`),
  ].join(" ");
}
