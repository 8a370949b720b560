// The code about the code: the order of the folders, who may touch the clock, the disk and the terminal, and no dead files.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { LAUNCH } from "../src/cli/process/launch.ts";

const root = resolve(import.meta.dirname, "..");
const src = join(root, "src");

interface Source {
  readonly path: string;
  readonly text: string;
  /** Without comments and strings, so that prose about a timer is no timer. */
  readonly code: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readSource(join(src, name)));

function readSource(path: string): Source {
  const text = readFileSync(path, "utf8");
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/\s\/\/ .*$/gm, "");
  const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  return {
    path: relative(src, path),
    text,
    code: code.replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, '""'),
    imports,
  };
}

/** The folders, and what each may import: the table of the architecture document. */
const FOLDERS: ReadonlyMap<string, ReadonlySet<string>> = readFolders(
  readFileSync(join(root, "ARCHITECTURE.md"), "utf8"),
);

function readFolders(document: string): ReadonlyMap<string, ReadonlySet<string>> {
  const folders = new Map<string, ReadonlySet<string>>();
  for (const [, folder = "", imports = ""] of document.matchAll(/^\| `(\w+)\/` +\| ([\w, ]+?) +\|/gm)) {
    const named = imports === "nothing" ? [] : imports === "all above" ? folders.keys() : imports.split(", ");
    folders.set(folder, new Set([...named, folder]));
  }
  return folders;
}

const folderOf = (path: string): string => (path.includes("/") ? (path.split("/")[0] ?? "") : "");

const targetsOf = (source: Source): readonly string[] =>
  source.imports
    .filter((name) => name.startsWith("."))
    .map((name) => relative(src, resolve(src, dirname(source.path), name)))
    .filter((target) => target !== "../package.json");

describe("the folders", () => {
  it("are those of the architecture document", () => {
    const found = new Set(sources.map((source) => folderOf(source.path)).filter((folder) => folder !== ""));
    expect([...FOLDERS.keys()].toSorted()).toEqual([...found].toSorted());
  });

  it("import only what that document lets them", () => {
    const wrong = sources.flatMap((source) =>
      targetsOf(source)
        .filter((target) => !mayImport(folderOf(source.path), folderOf(target)))
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("let the command line see nothing of the daemon but its control socket, unless it is kvsync run", () => {
    const wrong = sources
      .filter(({ path }) => path.startsWith("cli/") && !/^cli\/(command\/run\.ts|run\/)/.test(path))
      .flatMap((source) => targetsOf(source).map((target) => ({ path: source.path, target })))
      .filter(({ target }) => target.startsWith("daemon/") && !target.startsWith("daemon/control/"));
    expect(wrong).toEqual([]);
  });

  it("give a browser nothing of the program but what is pure, and types", () => {
    const wrong = sources
      .filter(({ path }) => path.startsWith("page/"))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/import (?!type )[^;]* from "\.\.\/(?!core\/)[^"]*"/g)].map(([line]) => `${path}: ${line}`),
      );
    expect(wrong).toEqual([]);
  });

  it("have no files that import each other, by whatever way round", () => {
    const targets = new Map(sources.map((source) => [source.path, targetsOf(source)]));
    expect(findCircles(targets)).toEqual([]);
  });
});

function mayImport(from: string, to: string): boolean {
  return from === "" || FOLDERS.get(from)?.has(to) === true;
}

/** Each way that leads from a file back to it, found by a walk in depth. */
function findCircles(targets: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of targets.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return circles;
}

/** What only some places may use, and those places. */
const OWNERS: readonly { readonly what: string; readonly pattern: RegExp; readonly owners: RegExp }[] = [
  {
    what: "the clock",
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bhrtime\b/,
    owners: /^core\/system-clock\.ts$|^page\/clock\.ts$/,
  },
  {
    what: "timers",
    pattern: /\b(setTimeout|setInterval)\s*\(|timers\/promises/,
    owners: /^core\/system-clock\.ts$|^cli\/|^server\/|^page\/clock\.ts$/,
  },
  { what: "randomness", pattern: /\bMath\.random\(/, owners: /^core\/system-clock\.ts$/ },
  { what: "the environment", pattern: /\bprocess\.env\b/, owners: /^cli\/|^main\.ts$/ },
  { what: "the console", pattern: /\bconsole\.|\bprocess\.(stdout|stderr)\b/, owners: /^cli\/|^main\.ts$/ },
  {
    what: "markup and programs made of text",
    pattern:
      /\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|setHTML\w*|parseFromString|createContextualFragment|eval)\b|document\.write|new Function/,
    owners: /^$/,
  },
  { what: "exiting", pattern: /\bprocess\.exit/, owners: /^cli\/|^main\.ts$/ },
];

describe("only its owners use", () => {
  it.each(OWNERS)("$what", ({ pattern, owners }) => {
    const users = sources.filter((source) => pattern.test(source.code) && !owners.test(source.path));
    expect(users.map((source) => source.path)).toEqual([]);
  });

  it("the disk", () => {
    const users = sources.filter((source) =>
      source.imports.some((name) => /^node:(fs|sqlite|child_process)/.test(name)),
    );
    expect(users.map((source) => source.path).filter((path) => /^(core|kv|engine)\//.test(path))).toEqual([]);
  });
});

it("the first line of the program launches it as launch.ts says", () => {
  const env = Object.entries(LAUNCH.env).map(([name, value]) => `${name}=${value}`);
  const line = ["#!/usr/bin/env -S", ...env, "node", ...LAUNCH.nodeOptions].join(" ");
  expect(sources.find(({ path }) => path === "main.ts")?.text.split("\n")[0]).toBe(line);
});

describe("a source file", () => {
  it("opens with what it owns and why", () => {
    expect(sources.filter((source) => !/^(#!.*\n)?\/\//.test(source.text)).map((source) => source.path)).toEqual([]);
  });

  it("has at most 400 lines", () => {
    expect(sources.filter((source) => source.text.split("\n").length > 401).map((source) => source.path)).toEqual([]);
  });

  it("is reached from the entry point, by a test or by a script", () => {
    const named = new Set(["main.ts"]);
    const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
      .map((name) => [join(root, "test", name), readFileSync(join(root, "test", name), "utf8")] as const);
    const scripts = ["package.json", "build-page.js"].map((name) => readFileSync(join(root, name), "utf8")).join("\n");
    for (const source of sources) {
      // A thread's file is named by its address.
      const addresses = [...source.text.matchAll(/"(\.[^"]+\.ts)"/g)].map((match) => match[1] ?? "");
      for (const name of [...source.imports, ...addresses])
        if (name.startsWith(".")) named.add(relative(src, resolve(src, dirname(source.path), name)));
      if (scripts.includes(`src/${source.path}`)) named.add(source.path);
    }
    for (const [path, text] of tests) {
      for (const match of text.matchAll(/"(\.[^"]+\.ts)"/g))
        named.add(relative(src, resolve(dirname(path), match[1] ?? "")));
    }
    expect(sources.map((source) => source.path).filter((path) => !named.has(path))).toEqual([]);
  });
});
