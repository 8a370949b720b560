// The folders that the benchmarks work on: deterministic, so that a figure can be had again, and on a memory file system
// where there is one, since file creation on disk is slow and unsteady enough to hide what is measured.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TreeShape {
  readonly files: number;
  /** Sizes are spread evenly from `bytesMin` to `bytesMax`, both inclusive. */
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly seed: number;
}

/** 100,000 files of 0.1 to 4 KiB: about 205 MB, like a site's pages or a service's configuration. */
export const HUNDRED_THOUSAND: TreeShape = { files: 100_000, bytesMin: 100, bytesMax: 4096, seed: 1 };
/** A tenth of it. */
export const TEN_THOUSAND: TreeShape = { files: 10_000, bytesMin: 100, bytesMax: 4096, seed: 4 };
/** As many as a small site has. */
export const TEN: TreeShape = { files: 10, bytesMin: 100, bytesMax: 4096, seed: 5 };
/** 1,000,000 files of 30 to 60 bytes: what matters is the number of keys. */
export const MILLION: TreeShape = { files: 1_000_000, bytesMin: 30, bytesMax: 60, seed: 2 };

const FILES_PER_FOLDER = 100;

/** Where the benchmarks keep their files: `/dev/shm` on Linux, else the folder for temporary files. */
export function benchRoot(): string {
  const root = join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kvsync-bench");
  mkdirSync(root, { recursive: true });
  return root;
}

/** The path of a folder of `shape`, made unless it is complete from an earlier run. */
export function makeTree(shape: TreeShape): string {
  const { files, bytesMin, bytesMax, seed } = shape;
  const folder = join(benchRoot(), `tree-${files}-${bytesMin}-${bytesMax}-${seed}`);
  const complete = `${folder}.complete`;
  if (existsSync(complete)) return folder;
  rmSync(folder, { recursive: true, force: true });
  const random = seededRandom(seed);
  const text = jsonLikeText(random);
  for (let index = 0; index < files; index++) {
    const parent = join(
      folder,
      `d${Math.floor(index / FILES_PER_FOLDER)
        .toString()
        .padStart(5, "0")}`,
    );
    if (index % FILES_PER_FOLDER === 0) mkdirSync(parent, { recursive: true });
    const size = bytesMin + Math.floor(random() * (bytesMax - bytesMin + 1));
    const head = `{"id":${index},"body":"`;
    const from = Math.floor(random() * (text.length - bytesMax));
    // Each file is unique by its head, and exactly `size` bytes long since all of it is ASCII.
    const content = `${head}${text.slice(from, from + size - head.length - 2)}"}`;
    writeFileSync(join(parent, `f${(index % FILES_PER_FOLDER).toString().padStart(2, "0")}.json`), content);
  }
  writeFileSync(complete, "");
  return folder;
}

/** 256 KiB of words, numbers and escaped quotes, so that JSON in JSON needs escapes as real values do. */
export function jsonLikeText(random: () => number): string {
  const words = ["title", "path", "price", "enabled", "cache", "user", "region", "https://example.com/", '\\"name\\"'];
  let text = "";
  while (text.length < 262_144) {
    const word = words[Math.floor(random() * words.length)] ?? "";
    text += `${word}: ${Math.floor(random() * 1e6)}, `;
  }
  return text;
}

/** mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
