// What a backup is made of, as its snapshot names it for good.

import type { SnapshotSource } from "../backup/repository/repository.ts";
import type { Json } from "../core/json-value.ts";
import type { OpenLocation } from "../mapping/open-location.ts";
import type { BackupFilter } from "./backup-filter.ts";
import { combineFilterRecords, parseFilterRecord } from "./filter-record.ts";

/** A namespace goes by its ids, a folder or an archive by where it lies. */
export function sourceOf({ replica, account, namespace, jurisdiction, place, identity }: OpenLocation): SnapshotSource {
  const { label } = replica;
  if (place === undefined) {
    const { folder, archive } = identity as { readonly folder?: string; readonly archive?: string };
    return { ...NOWHERE, label: folder ?? archive ?? label };
  }
  return {
    ...NOWHERE,
    account: account ?? null,
    accountId: place.accountId,
    namespace: place.namespace ?? null,
    title: namespace ?? null,
    prefix: place.prefix,
    jurisdiction: jurisdiction ?? null,
    label,
  };
}

const NOWHERE: Omit<SnapshotSource, "label"> = {
  account: null,
  accountId: null,
  namespace: null,
  title: null,
  prefix: "",
  jurisdiction: null,
  mode: null,
};

/** What is left out on purpose, by the request and by what the source itself says; null: nothing. Throws AppError "usage" where one
 * filter cannot say both. */
export function filterOf(
  { replica, filter }: OpenLocation,
  { record }: BackupFilter,
  excludeDefaults: boolean,
): { readonly [name: string]: Json } | null {
  if (filter !== null) {
    const { label } = replica;
    const own = parseFilterRecord(filter, label);
    const both = record === null ? own : combineFilterRecords(own, parseFilterRecord(record, label), label);
    const { excludeDefaults: hasDefaults, mayLackKeys, ...texts } = both;
    return { ...texts, ...(hasDefaults && { excludeDefaults: true }), ...(mayLackKeys && { mayLackKeys: true }) };
  }
  if (replica.kind !== "tree" || !excludeDefaults) return record;
  return { prefix: "", include: [], exclude: [], ...record, excludeDefaults: true };
}
