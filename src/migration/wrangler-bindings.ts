// The map of old to new ids as what is pasted into wrangler's config: Workers are bound to a namespace by its id, and this is where they
// say it. The name of a binding is a proposal, made of the title: in a config that exists already the names stay, and only the ids change.

import { visible } from "../core/errors.ts";

/** Of one namespace. */
export interface NewId {
  /** At the source. */
  readonly title: string;
  readonly from: string;
  readonly to: string;
  /** At the destination. */
  readonly toTitle: string;
}

export interface BindingSnippets {
  /** For wrangler.jsonc and wrangler.json: an object with `kv_namespaces`. */
  readonly jsonc: string;
  /** For wrangler.toml. */
  readonly toml: string;
}

export function renderBindings(ids: readonly NewId[]): BindingSnippets {
  const names = nameBindings(ids.map(({ title }) => title));
  const bindings = ids.map((id, index) => ({ comment: commentOf(id), name: names[index]!, id: id.to }));
  const items = bindings.map(
    ({ comment, name, id }) => `    // ${comment}\n    { "binding": ${quoted(name)}, "id": ${quoted(id)} },\n`,
  );
  const tables = bindings.map(
    ({ comment, name, id }) => `# ${comment}\n[[kv_namespaces]]\nbinding = ${quoted(name)}\nid = ${quoted(id)}\n`,
  );
  return { jsonc: `{\n  "kv_namespaces": [\n${items.join("")}  ],\n}\n`, toml: tables.join("\n") };
}

/** A name for each title, in their order: a JavaScript identifier of A-Z, 0-9 and _, no two the same. */
export function nameBindings(titles: readonly string[]): readonly string[] {
  const wanted = titles.map(nameOf);
  // What several titles would be called is left to none of them but the first, and a number behind it is no other title's name.
  const taken = new Set<string>();
  const own = new Set(wanted);
  return wanted.map((name) => {
    let free = name;
    for (let number = 2; taken.has(free) || (free !== name && own.has(free)); number++) free = `${name}_${number}`;
    taken.add(free);
    return free;
  });
}

/** `app-config` is APP_CONFIG, and `appConfig` as well. */
function nameOf(title: string): string {
  const words = title
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[^A-Za-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  if (words === "") return "KV";
  return (/^[0-9]/.test(words) ? `KV_${words}` : words).toUpperCase();
}

/** On one line, whatever a title contains. */
function commentOf({ title, toTitle, from }: NewId): string {
  const renamed = toTitle === title ? "" : `, now "${visible(toTitle)}"`;
  return `"${visible(title)}"${renamed}; its id was ${visible(from)}`;
}

/** For JSON and TOML alike: neither a name nor an id has anything to escape. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
