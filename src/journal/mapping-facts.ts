// The facts of a mapping: which folder and namespace a mapping's last finished round was about. A folder that was replaced or
// unmounted, a namespace that was made anew, and filters that changed are told by them.

import type { EpochMs } from "../core/clock.ts";
import type { Journal } from "./journal.ts";

export interface MappingFacts {
  readonly mapping: string;
  /** Folder, account, namespace and prefix as the config names them: what was seen elsewhere says nothing. */
  readonly place: string;
  /** Undefined: there was no folder yet. */
  readonly root: { readonly device: number; readonly inode: number } | undefined;
  readonly namespaceId: string | undefined;
  /** Names the include and exclude patterns. */
  readonly filter: string;
  /** When the round began to look at both sides. */
  readonly lookedAt: EpochMs;
}

export interface MappingFactsStore {
  /** The last of the mapping at that place. */
  get(mapping: string, place: string): MappingFacts | undefined;
  put(facts: MappingFacts): void;
}

interface Row {
  readonly mapping: string;
  readonly place: string;
  readonly root_device: number | null;
  readonly root_inode: number | null;
  readonly namespace: string | null;
  readonly filter: string;
  readonly looked_at_ms: number;
}

export function openMappingFacts({ database }: Journal): MappingFactsStore {
  const select = database.prepare("SELECT * FROM mapping_facts WHERE mapping = ? AND place = ?");
  const insert = database.prepare("INSERT OR REPLACE INTO mapping_facts VALUES (?, ?, ?, ?, ?, ?, ?)");
  return {
    get: (mapping, place) => factsOf(select.get(mapping, place) as Row | undefined),
    put: ({ mapping, place, root, namespaceId, filter, lookedAt }) => {
      insert.run(mapping, place, root?.device ?? null, root?.inode ?? null, namespaceId ?? null, filter, lookedAt);
    },
  };
}

function factsOf(row: Row | undefined): MappingFacts | undefined {
  if (row === undefined) return undefined;
  return {
    mapping: row.mapping,
    place: row.place,
    root:
      row.root_device === null || row.root_inode === null
        ? undefined
        : { device: row.root_device, inode: row.root_inode },
    namespaceId: row.namespace ?? undefined,
    filter: row.filter,
    lookedAt: row.looked_at_ms as EpochMs,
  };
}
