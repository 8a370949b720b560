// The names of files and folders that kvsync is still writing: `%tmp-` and an id with its checksum. What a crash leaves is
// removed by such a name, so none that a person gives may be taken for one.

import { hash } from "node:crypto";
import { TEMP_PREFIX } from "./reserved-words.ts";

/** One name in two billion ends so by chance. */
const SUM_CHARS = 6;
const tempName = /^%tmp-([0-9a-z]+)([0-9a-z]{6})$/;

/** `id`: digits and lower case letters. */
export function tempNameOf(id: string): string {
  return `${TEMP_PREFIX}${id}${sumOf(id)}`;
}

/** Whether kvsync gave this name, which is whole and without the folders before it. */
export function isTempName(name: string): boolean {
  const [, id, sum] = tempName.exec(name) ?? [];
  return id !== undefined && sumOf(id) === sum;
}

function sumOf(id: string): string {
  return Number.parseInt(hash("sha256", id, "hex").slice(0, 12), 16)
    .toString(36)
    .padStart(SUM_CHARS, "0")
    .slice(-SUM_CHARS);
}
