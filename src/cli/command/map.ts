// `kvsync map`: which file holds a key, and which key a file is.

import { relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import type { NameScheme } from "../../core/names/name-scheme.ts";
import { renderPrefix, renderRemote } from "../../core/prefix.ts";
import { decodePath, encodeKey, sidecarPath } from "../../core/names/path-codec.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { parseKeyArgument } from "../input/key-argument.ts";

interface Options {
  readonly mapping?: string;
  readonly key?: boolean;
  readonly path?: boolean;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<key-or-path>", "a path begins with /, ./ or ../; anything else is a key")
    .option("-m, --mapping <name>", "only in this mapping")
    .option("--key", "it is a key, whatever it begins with")
    .option("--path", "it is a path, whatever it begins with")
    .action((text: string, options: Options) => start((context) => map(context, text, options)));
}

async function map(context: Context, text: string, options: Options): Promise<void> {
  const isPath = options.path === true || (options.key !== true && /^\.{0,2}(\/|$)/.test(text));
  const { mappings: all } = await context.config();
  const mappings =
    all.size === 0 && options.mapping === undefined
      ? []
      : await context.mappings(options.mapping === undefined ? [] : [options.mapping]);
  if (isPath) mapPath(context, text, mappings);
  else mapKey(context, text, mappings);
}

function mapKey(context: Context, text: string, mappings: readonly MappingConfig[]): void {
  const key = parseKeyArgument(text);
  if (mappings.length === 0) {
    const path = encodeKey(key, "posix");
    tell(context, { key, path, sidecar: sidecarPath(key, "posix") });
    return;
  }
  const inside = mappings.filter(({ prefix }) => key.startsWith(prefix));
  if (inside.length === 0)
    throw new AppError("usage", `key "${visible(key)}" is under the prefix of no mapping`, {
      hint: `prefixes are: ${mappings.map(({ name, prefix }) => `${name}: "${visible(renderPrefix(prefix))}"`).join(", ")}`,
    });
  for (const mapping of inside) {
    const name = key.slice(mapping.prefix.length);
    const { folder, names } = mapping;
    tell(context, {
      mapping,
      key,
      path: shown(context, resolve(folder, encodeKey(name, names))),
      sidecar: shown(context, resolve(folder, sidecarPath(name, names))),
      isManaged: compileFilter(mapping)(name),
    });
  }
}

function mapPath(context: Context, text: string, mappings: readonly MappingConfig[]): void {
  const path = resolve(context.cwd, text);
  if (mappings.length === 0) {
    tellPath(context, { path: text, inside: relative(context.cwd, path), names: "posix" });
    return;
  }
  const mapping = mappings.find(({ folder }) => isInside(relative(folder, path)));
  if (mapping === undefined) {
    throw new AppError("usage", `${visible(text)} is in the folder of no mapping`, {
      hint: `folders are: ${mappings.map(({ folder }) => visible(shown(context, folder))).join(", ")}`,
    });
  }
  tellPath(context, { path: text, inside: relative(mapping.folder, path), names: mapping.names, mapping });
}

function tellPath(
  context: Context,
  found: { path: string; inside: string; names: NameScheme; mapping?: MappingConfig },
): void {
  const { path, inside, names, mapping } = found;
  const decoded = decodePath(inside.split(sep).join("/"), names);
  switch (decoded.kind) {
    case "invalid":
      throw new AppError("usage", `${visible(path)} holds no key: it ${decoded.reason}`);
    case "temp":
      throw new AppError("usage", `${visible(path)} is a file that kvsync is writing`, { hint: "it holds no key" });
    case "sidecar":
    case "conflict":
    case "value": {
      const key = (mapping?.prefix ?? "") + decoded.key;
      tell(context, {
        mapping,
        key,
        path,
        kind: decoded.kind,
        isManaged: mapping === undefined || compileFilter(mapping)(decoded.key),
      });
    }
  }
}

interface Pairing {
  readonly mapping?: MappingConfig | undefined;
  readonly key: string;
  readonly path: string;
  readonly sidecar?: string;
  readonly kind?: "value" | "sidecar" | "conflict";
  readonly isManaged?: boolean;
}

function tell({ output }: Context, { mapping, key, path, sidecar, kind = "value", isManaged = true }: Pairing): void {
  const rows = [
    ["key", key],
    [{ value: "file", sidecar: "sidecar", conflict: "conflict copy" }[kind], path],
    ...(sidecar === undefined ? [] : [["sidecar", sidecar]]),
    ...(mapping === undefined
      ? []
      : [["mapping", `${mapping.name} (${renderRemote(mapping.account, mapping.namespace, mapping.prefix)})`]]),
    ...(isManaged ? [] : [["filters", "not managed: include and exclude leave it alone"]]),
  ];
  for (const [name = "", value = ""] of rows) output.line(`${output.stdout.dim(name.padEnd(8))}  ${visible(value)}`);
  output.event({ type: "map", mapping: mapping?.name, key, path, sidecar, kind, managed: isManaged });
}

function isInside(relativePath: string): boolean {
  return relativePath !== "" && relativePath !== ".." && !relativePath.startsWith(`..${sep}`);
}

/** Relative to where we are, if it is below. */
function shown({ cwd }: Context, path: string): string {
  const short = relative(cwd, path);
  return isInside(short) ? `.${sep}${short}` : path;
}
