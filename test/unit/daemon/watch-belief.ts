// What a consumer of a watcher's reports believes to be on disk: it looks only where it is told to.

import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FakeClock } from "../../support/fake-clock.ts";

export class Belief {
  readonly #root: string;
  readonly files = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
    this.scan("");
  }

  /** `folder`: "" or ending in "/". */
  scan(folder: string): void {
    for (const path of this.files.keys()) if (path.startsWith(folder)) this.files.delete(path);
    this.#read(folder);
  }

  follow(paths: readonly string[]): void {
    for (const path of paths) {
      if (path.endsWith("/")) this.scan(path);
      else this.#look(path);
    }
  }

  #read(folder: string): void {
    if (this.#stat(folder)?.isDirectory() !== true) return;
    for (const entry of readdirSync(join(this.#root, folder), { withFileTypes: true })) {
      if (entry.isDirectory()) this.#read(`${folder}${entry.name}/`);
      else this.#look(folder + entry.name);
    }
  }

  #look(path: string): void {
    const stats = this.#stat(path);
    if (stats?.isFile() === true) this.files.set(path, `${stats.ino} ${stats.size} ${stats.ctimeMs}`);
    else this.files.delete(path);
  }

  #stat(path: string): Stats | undefined {
    try {
      return lstatSync(join(this.#root, path));
    } catch (error) {
      if (/^ENOENT|^ENOTDIR/.test((error as Error).message)) return undefined;
      throw error;
    }
  }
}

/** One change in a small tree, where names often meet: written, made, moved or removed. */
export function changeAnything(root: string, clock: FakeClock): void {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(clock.random() * from.length)]!;
  const path = (): string => join(root, ...Array.from({ length: pick([1, 2, 3]) }, () => pick(["a", "b", "c"])));
  const changes = [
    () => writeFileSync(path(), "x".repeat(clock.random() * 100)),
    () => mkdirSync(path(), { recursive: true }),
    () => renameSync(path(), path()),
    () => rmSync(path(), { recursive: true }),
  ];
  try {
    pick([...changes, ...changes.slice(0, 2)])();
  } catch (error) {
    // It is not there, or of another kind, or inside what is to be moved: as good as any other step.
    if (!("errno" in (error as Error))) throw error;
  }
}
