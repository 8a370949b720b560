// A tree in a folder of its own, for tests: what it lists, tells and holds, in short forms.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Entry } from "../../src/core/entry.ts";
import type { Problem } from "../../src/core/problem.ts";
import type { RemoveOutcome, Unknown, Value, WriteOutcome } from "../../src/replica/replica.ts";
import { openTreeReplica, type TreeOptions, type TreeReplica } from "../../src/replica/tree/tree-replica.ts";
import { FakeClock } from "./fake-clock.ts";
import { type Attributes, collect, pagesOf, valueOf } from "./values.ts";

export interface Listed {
  readonly entries: readonly Entry[];
  readonly keys: readonly string[];
  /** `code subject`. */
  readonly problems: readonly string[];
  readonly messages: readonly Problem[];
  readonly unknown: readonly Unknown[];
}

export class TreeFixture {
  readonly root: string;
  readonly clock = new FakeClock({ now: Date.now() });
  readonly tree: TreeReplica;
  readonly #outer: string;

  constructor(options: Partial<TreeOptions> = {}) {
    this.#outer = mkdtempSync(join(tmpdir(), "kvsync-tree-"));
    this.root = options.root ?? join(this.#outer, "root");
    mkdirSync(this.root, { recursive: true });
    this.tree = openTreeReplica({ clock: this.clock, label: "tree", durable: false, ...options, root: this.root });
  }

  /** A path outside of the root. */
  outside(name: string): string {
    return join(this.#outer, name);
  }

  path(name: string): string {
    return `${this.root}/${name}`;
  }

  file(name: string, content: string | Uint8Array = name): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  async list(): Promise<Listed> {
    const messages: Problem[] = [];
    const unknown: Unknown[] = [];
    const entries = await collect(
      this.tree.list({
        onProblem: (problem) => messages.push(problem),
        onUnknown: ({ notice: _, ...place }) => unknown.push(place),
      }),
    );
    return {
      entries,
      keys: entries.map((entry) => entry.key),
      problems: messages.map(({ code, subject }) => `${code} ${subject}`),
      messages,
      unknown,
    };
  }

  async entry(key: string): Promise<Entry> {
    const entry = (await this.list()).entries.find((found) => found.key === key);
    if (entry === undefined) throw new Error(`no key ${key}`);
    return entry;
  }

  value(key: string, content: string | Uint8Array, attributes: Attributes = {}): Value {
    return valueOf(this.clock, key, content, attributes);
  }

  async write(
    key: string,
    content: string | Uint8Array,
    options: Attributes & { readonly expected?: Entry | undefined } = {},
  ): Promise<WriteOutcome> {
    const { expected, ...attributes } = options;
    const [outcome] = await collect(
      this.tree.write(pagesOf([{ value: this.value(key, content, attributes), expected }])),
    );
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  }

  async remove(...entries: readonly Entry[]): Promise<RemoveOutcome[]> {
    return collect(this.tree.remove(pagesOf(entries)));
  }

  /** Path and content of every file below the root. */
  files(): Record<string, string> {
    return filesBelow(this.root);
  }

  close(): void {
    rmSync(this.#outer, { recursive: true, force: true });
  }
}

export function filesBelow(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((item) => item.isFile())
      .map((item) => join(item.parentPath, item.name))
      .map((path): [string, string] => [relative(folder, path), readFileSync(path, "utf8")])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Whether a command of the system could be run, and succeeded. */
export function ran(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

/** `written`, `removed`, or the code of the problem. */
export function codeOf(outcome: { readonly kind: string; readonly problem?: Problem } | undefined): string {
  return outcome?.problem?.code ?? outcome?.kind ?? "none";
}
