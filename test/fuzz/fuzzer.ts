// What a fuzzer is, and how all of them are found: each file `NAME.fuzz.ts` holds a hand-written reader or writer of ours
// against an oracle, on inputs that a seed makes.

import { readdirSync } from "node:fs";
import { join } from "node:path";

export interface FuzzRun {
  /** The same seed makes the same inputs. */
  readonly seed: number;
  /** No case is begun after this moment (`Date.now()`). */
  readonly deadlineMs: number;
}

export interface Fuzzer {
  /** What is held against what. */
  readonly name: string;
  /** Resolves with the number of cases; rejects with the seed and the input where the two differ. */
  run(options: FuzzRun): Promise<number>;
}

/** The fuzzers of this folder, by file name. */
export async function loadFuzzers(): Promise<ReadonlyMap<string, Fuzzer>> {
  const files = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".fuzz.ts"))
    .sort();
  const loaded = files.map(async (file) => {
    const fuzzer = (await import(join(import.meta.dirname, file))) as Fuzzer;
    return [file.replace(/\.fuzz\.ts$/, ""), fuzzer] as const;
  });
  return new Map(await Promise.all(loaded));
}
