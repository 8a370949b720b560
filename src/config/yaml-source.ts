// A YAML file as plain data with positions: what stands at a path, from which to which character, and with the
// environment put in. Positions are taken from the document's tree, so they survive anchors and merge keys.

import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type Scalar,
} from "yaml";
import { visible } from "../core/errors.ts";
import { hideVariable } from "../core/redact.ts";
import type { ConfigFault, FaultPath } from "./config-fault.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface YamlSource {
  /** Undefined for an empty file. */
  readonly data: unknown;
  readonly faults: readonly ConfigFault[];
  /** Where the value, or the key, at `path` stands; of what does not exist, where its nearest parent does. */
  rangeOf(path: FaultPath, what: "key" | "value"): readonly [number, number];
}

/** Never throws: what is wrong with the text is in `faults`. */
export function parseYamlSource(text: string, env: Environment): YamlSource {
  const document = parseDocument(hideBraces(text), { merge: true, prettyErrors: false, stringKeys: true });
  const faults = syntaxFaults(document, text);
  const rangeOf: YamlSource["rangeOf"] = (path, what) => nodeRange(document, path, what);
  if (faults.length > 0) return { data: undefined, faults, rangeOf };
  const treeFaults = faultsOfTree(document);
  if (treeFaults.length > 0) return { data: undefined, faults: treeFaults, rangeOf };
  visit(document, {
    Scalar(key, scalar, ancestors) {
      if (typeof scalar.value === "string") scalar.value = showBraces(scalar.value);
      if (key === "key") {
        if (RESERVED.has(String(scalar.value)))
          faults.push({ message: `"${String(scalar.value)}" can be no key here`, range: rangeOfNode(scalar) });
        return;
      }
      // Metadata is JSON, in which 1.0 is a number.
      if (!ancestors.some((node) => isPair(node) && isScalar(node.key) && node.key.value === "metadata"))
        keepDigits(scalar);
      fillIn(scalar, env, (message) => faults.push({ message, range: rangeOfNode(scalar) }));
    },
  });
  return { data: toData(document, faults), faults, rangeOf };
}

/** What would make no plain data: an alias inside what it stands for or without an anchor, more of them than a person writes,
 * and kinds of collection that JSON does not have. */
function faultsOfTree(document: Document): ConfigFault[] {
  const faults: ConfigFault[] = [];
  let aliases = 0;
  visit(document, {
    Alias(_, alias, ancestors) {
      const range = rangeOfNode(alias);
      const target = alias.resolve(document);
      if (target === undefined)
        faults.push({ message: `there is no anchor &${visible(alias.source)} before it`, range });
      else if (ancestors.includes(target))
        faults.push({ message: `the alias *${visible(alias.source)} stands inside what it stands for`, range });
      aliases += 1;
      if (aliases === ALIASES_MAX + 1)
        faults.push({ message: `is alias number ${aliases}: a config has at most ${ALIASES_MAX}`, range });
    },
    Node(_, node) {
      if (isAlias(node) || node.tag === undefined || PLAIN_TAGS.has(node.tag)) return;
      faults.push({
        message: `has the tag ${visible(node.tag)}, which has no meaning here: leave it out`,
        range: startOf(node),
      });
    },
  });
  return faults;
}

const ALIASES_MAX = 1000;

const PLAIN_TAGS: ReadonlySet<string> = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq", "merge"].map((name) => `tag:yaml.org,2002:${name}`),
);

/** A collection may go on for many lines: its first character stands for it. */
function startOf(node: Node): readonly [number, number] {
  const [start] = rangeOfNode(node);
  return [start, start + 1];
}

/** What valibot passes over, since it has a meaning in JavaScript. */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

/** The first fault of each line: what follows it on the line is mostly its echo. */
function syntaxFaults(document: Document, text: string): ConfigFault[] {
  const lines = new Set<number>();
  const faults: ConfigFault[] = [];
  for (const { code, message, pos } of [...document.errors, ...document.warnings].toSorted(
    (a, b) => a.pos[0] - b.pos[0],
  )) {
    const line = text.lastIndexOf("\n", pos[0] - 1);
    if (lines.has(line)) continue;
    lines.add(line);
    // The parser's own text for this one quotes what it stumbled on, which may be a secret.
    faults.push({
      message: code === "UNEXPECTED_TOKEN" ? "is not understood as YAML here" : `is not valid YAML: ${message}`,
      range: pos,
    });
  }
  return faults;
}

/** Braces end an unquoted value inside `{ }`, so YAML would not read `{ id: ${ID} }`. Private characters stand in for
 * those of references while it is parsed; they are as long, so that positions stay true. */
function hideBraces(text: string): string {
  return /[\uE000\uE001]/.test(text) ? text : text.replace(/\$\{([^{}\n]*)\}/g, "$$\uE000$1\uE001");
}

function showBraces(value: string): string {
  return value.replace(/\$\uE000([^{}\n]*?)\uE001/g, "$${$1}");
}

function toData(document: Document, faults: ConfigFault[]): unknown {
  try {
    return document.toJS() ?? undefined;
  } catch (error) {
    // So many aliases of aliases that they were meant to fill the memory.
    let range: readonly [number, number] = [0, 1];
    visit(document, { Alias: (_, alias) => void (range = rangeOfNode(alias)) });
    faults.push({ message: `is not valid YAML: ${(error as Error).message}`, range });
    return undefined;
  }
}

/** Digits that a number would not hold as they are written (an account id of 32 digits, `007`, `12e4`) stay text. */
function keepDigits(scalar: Scalar): void {
  const { value, source } = scalar;
  if (typeof value === "number" && source !== undefined && String(value) !== source) scalar.value = source;
}

/** Replaces `${NAME}` by the environment's value and `$${` by `${`. A scalar that is one reference to a whole number
 * becomes that number. */
function fillIn(scalar: Scalar, env: Environment, onFault: (message: string) => void): void {
  const { value } = scalar;
  if (typeof value !== "string" || !value.includes("${")) return;
  const filled = value.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (all, name: string | undefined, end: string) => {
    if (name === undefined) return "${";
    if (end === "" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      onFault(`"${all}" names no environment variable: write \${NAME}, or $\${ for a plain \${`);
      return all;
    }
    const found = env[name];
    if (found === undefined) onFault(`the environment variable ${name} is not set`);
    else hideVariable(name, found);
    return found ?? "";
  });
  scalar.value =
    scalar.type === "PLAIN" && /^\$\{\w+\}$/.test(value) && /^[1-9]\d{0,14}$/.test(filled) ? Number(filled) : filled;
}

function nodeRange(document: Document, path: FaultPath, what: "key" | "value"): readonly [number, number] {
  let node: Node | null | undefined = document.contents;
  let pair: Pair<Node, Node | null> | undefined;
  let isItem = false;
  for (const step of path) {
    const child = childAt(resolve(document, node), step);
    if (child === undefined) return pair === undefined ? [0, 1] : rangeOfNode(pair.key);
    [pair, node] = isPair(child)
      ? [child as Pair<Node, Node | null>, (child as Pair<Node, Node | null>).value]
      : [pair, child];
    isItem = !isPair(child);
  }
  if (isItem && isCollection(node)) return startOf(node);
  if (pair !== undefined && (what === "key" || !node?.range || isCollection(node))) return rangeOfNode(pair.key);
  return node ? rangeOfNode(node) : [0, 1];
}

function childAt(node: Node | null | undefined, step: string | number): Node | Pair | undefined {
  if (isMap(node)) return node.items.find((pair) => isScalar(pair.key) && pair.key.value === step);
  return isCollection(node) ? (node.items[Number(step)] as Node | undefined) : undefined;
}

function resolve(document: Document, node: Node | null | undefined): Node | null | undefined {
  return isAlias(node) ? node.resolve(document) : node;
}

function rangeOfNode(node: Node): readonly [number, number] {
  const [start, end] = node.range ?? [0, 1];
  return [start, end];
}
