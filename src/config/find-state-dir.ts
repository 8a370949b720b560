// The state folder of a config that cannot be loaded: for commands that only ask what is going on, while the file is being
// mended. All else in the file is ignored, whatever is wrong with it.

import { dirname } from "node:path";
import { parseDocument } from "yaml";
import { defaultStateDir, findConfig, type FindOptions } from "./find-config.ts";
import { resolvePath } from "./resolve-mapping.ts";

/** Undefined: the file's state_dir itself cannot be understood. */
export function findStateDir(options: FindOptions): string | undefined {
  const { cwd, env } = options;
  const found = findConfig(options);
  const fallback = defaultStateDir(found?.file, cwd, env);
  if (found === undefined) return fallback;
  const written = readStateDir(found.text);
  if (written === undefined) return fallback;
  if (typeof written !== "string" || written === "") return undefined;
  let isWhole = true;
  const path = written.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    isWhole &&= env[name] !== undefined;
    return env[name] ?? "";
  });
  return isWhole ? resolvePath(dirname(found.file), path, env["HOME"]) : undefined;
}

/** As far as the parser gets; else from the line itself. */
function readStateDir(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false, logLevel: "silent" });
  const parsed = document.errors.length === 0 ? stateDirOf(document.contents) : undefined;
  if (parsed !== undefined) return parsed;
  const line = /^state_dir[ \t]*:[ \t]*\S.*$/m.exec(text)?.[0];
  if (line === undefined) return undefined;
  const alone = parseDocument(line, { prettyErrors: false, logLevel: "silent" });
  return alone.errors.length === 0 ? (stateDirOf(alone.contents) ?? "") : "";
}

function stateDirOf(contents: unknown): unknown {
  if (typeof contents !== "object" || contents === null || !("get" in contents)) return undefined;
  return (contents as { get(key: string): unknown }).get("state_dir");
}
