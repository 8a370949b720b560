// Keys counted by their first folder: how much of what is not shown lies where.

import { count } from "./counted.ts";
import { visible } from "./errors.ts";

export interface FolderCounts {
  add(key: string): void;
  total(): number;
  /** `200 in sessions/, 112 in eu/`, the largest first. */
  render(): string;
}

/** Folders that are told apart; keys of others are counted together. */
const FOLDERS_MAX = 1000;
const FOLDERS_SHOWN_MAX = 8;

export function countByFolder(): FolderCounts {
  const folders = new Map<string, number>();
  let total = 0;
  return {
    add(key) {
      total++;
      const folder = key.slice(0, key.indexOf("/") + 1);
      const before = folders.get(folder);
      if (before !== undefined || folders.size < FOLDERS_MAX) folders.set(folder, (before ?? 0) + 1);
    },
    total: () => total,
    render() {
      const largest = [...folders].toSorted(([, a], [, b]) => b - a).slice(0, FOLDERS_SHOWN_MAX);
      const rest = total - largest.reduce((sum, [, keys]) => sum + keys, 0);
      const parts = largest.map(([folder, keys]) =>
        folder === "" ? `${count(keys)} in no folder` : `${count(keys)} in ${visible(folder)}`,
      );
      if (rest > 0) parts.push(`${count(rest)} elsewhere`);
      return parts.join(", ");
    },
  };
}
