// A part of all keys, drawn by chance and yet the same each time: which keys are in it depends on nothing but the seed and the share. A
// larger share with the same seed holds all of a smaller one.

import { hash } from "node:crypto";
import type { Key } from "./key.ts";

export interface Sample {
  /** Above 0 and up to 1. */
  readonly share: number;
  readonly seed: string;
}

export function isInSample({ share, seed }: Sample, key: Key): boolean {
  return hash("sha256", `${seed}\0${key}`, "buffer").readUInt32BE(0) < share * 2 ** 32;
}
