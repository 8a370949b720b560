// Which keys a backup is about, and how its snapshots say so.

import { compileFilter } from "../core/filter.ts";
import type { Json } from "../core/json-value.ts";
import type { IsManaged } from "../replica/with-filter.ts";

export interface BackupFilter {
  /** Undefined: all keys. */
  readonly isManaged: IsManaged | undefined;
  /** As it was given; null: not at all. */
  readonly record: { readonly [name: string]: Json } | null;
}

export interface FilterTexts {
  /** What keys begin with. */
  readonly prefix: string;
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[] | undefined;
}

/** Throws AppError `config-invalid` for a pattern that could never match. */
export function compileBackupFilter({ prefix, include, exclude }: FilterTexts): BackupFilter {
  if (prefix === "" && include === undefined && exclude === undefined) return { isManaged: undefined, record: null };
  const passes = compileFilter({ include, exclude });
  return {
    isManaged: (key) => key.startsWith(prefix) && passes(key),
    record: { prefix, include: include ?? [], exclude: exclude ?? [] },
  };
}
