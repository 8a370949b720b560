// What a backup is made of, as its snapshot names it for good.

import { sourceKey } from "../../backup/retention/decide-retention.ts";
import type { Snapshot, SnapshotSource } from "../../backup/repository/repository.ts";
import type { SnapshotSummary } from "../../backup/repository/snapshots.ts";
import type { Json } from "../../core/json-value.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { GivenFilter } from "../input/key-filter.ts";

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

/** What is left out on purpose; null: nothing. */
export function filterOf(
  { replica }: OpenLocation,
  { record }: GivenFilter,
  excludeDefaults: boolean,
): { readonly [name: string]: Json } | null {
  if (replica.kind !== "tree" || !excludeDefaults) return record;
  return { prefix: "", include: [], exclude: [], ...record, excludeDefaults: true };
}

/** The last complete snapshot of the same source and filter; undefined: there is none. */
export function parentOf<S extends SnapshotSummary>(
  snapshots: readonly S[],
  about: Pick<Snapshot, "source" | "filter">,
): S | undefined {
  const key = sourceKey(about);
  return snapshots
    .filter((other) => other.complete && sourceKey(other) === key)
    .reduce<S | undefined>(
      (newest, other) =>
        newest === undefined || Date.parse(other.created) >= Date.parse(newest.created) ? other : newest,
      undefined,
    );
}
