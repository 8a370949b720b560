// The names of a repository's objects.

import type { ObjectId } from "../repository/repository.ts";

export const CONFIG_NAME = "config.json";

export const FOLDERS = {
  keys: "keys/",
  packs: "packs/",
  index: "index/",
  snapshots: "snapshots/",
  marks: "marks/",
} as const;

export function packName(id: ObjectId): string {
  return `packs/${id.slice(0, 2)}/${id}`;
}

export function markName(pack: ObjectId): string {
  return `marks/${pack}`;
}

export function sealedName(kind: "index" | "snapshot", id: ObjectId): string {
  return kind === "index" ? `index/${id}` : `snapshots/${id}`;
}

/** The id that ends the name of an object; undefined: the name is none of ours, as those of another repository that lies among the objects. */
export function idOfName(name: string): ObjectId | undefined {
  const id = parseObjectId(name.slice(name.lastIndexOf("/") + 1));
  if (id === undefined) return undefined;
  return [packName(id), markName(id), sealedName("index", id), sealedName("snapshot", id)].includes(name)
    ? id
    : undefined;
}

export function parseObjectId(text: string): ObjectId | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}
