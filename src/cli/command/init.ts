// `kvsync init`: the commented example config as ./kvsync.yaml, and the folder that it is about, unless there is one; or the
// namespaces of wrangler's config.

import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ioError, readTextFile } from "../../config/read-file.ts";
import { SCHEMA_ADDRESS, schemaLine } from "../../config/schema-address.ts";

const FILE = "kvsync.yaml";
/** The folder of the only mapping of the example config. */
const EXAMPLE = join("example", "app-config");
const SCHEMA_LINE = schemaLine("./config.schema.json");

export function define(command: Command, start: Start): void {
  command
    .option("--if-missing", `do nothing if there is a ${FILE}`)
    .option(
      "--from-wrangler",
      "a mapping for each KV namespace in the nearest wrangler.jsonc, wrangler.json or wrangler.toml",
    )
    .option("--env <name>", "with --from-wrangler: those of this environment of wrangler's")
    .action((options: Options) => start((context) => init(context, options)));
}

interface Options {
  readonly ifMissing?: boolean;
  readonly fromWrangler?: boolean;
  readonly env?: string;
}

async function init(context: Context, { ifMissing = false, fromWrangler = false, env }: Options): Promise<void> {
  if (fromWrangler) return initFromWrangler(context, ifMissing, env);
  if (env !== undefined) {
    throw new AppError("usage", "--env names an environment of wrangler's config, which is not read", {
      hint: "add --from-wrangler",
    });
  }
  const { cwd, output } = context;
  const folder = packageFolder();
  const text = withSchemaOf(readFileSync(join(folder, "config.example.yaml"), "utf8"), folder, cwd);
  const path = writeConfig(context, text, ifMissing);
  if (path === undefined) return;
  if (writeExample(folder, cwd)) output.report(`wrote ${EXAMPLE}, a folder to try it with`);
  output.event({ type: "summary", command: "init", file: path });
  // Whoever says --if-missing has the next step in hand.
  if (!ifMissing)
    output.note(
      `next:\n  1. Try it, without an account: kvsync run\n  2. Edit ${FILE} for your own account and folders. Then check it: kvsync doctor`,
    );
}

async function initFromWrangler(context: Context, ifMissing: boolean, env: string | undefined): Promise<void> {
  const { cwd, output } = context;
  const { findWranglerConfig } = await import("../../config/wrangler/find-wrangler-config.ts");
  const { renderMappings } = await import("../../config/wrangler/render-mappings.ts");
  const { text, names } = renderMappings(findWranglerConfig(cwd, readTextFile), env);
  const path = writeConfig(context, text, ifMissing);
  if (path === undefined) return;
  output.event({ type: "summary", command: "init", file: path, mappings: names });
  if (!ifMissing)
    output.note(
      `next:\n  1. Set ${text.includes("${CLOUDFLARE_ACCOUNT_ID}") ? "CLOUDFLARE_ACCOUNT_ID and " : ""}CLOUDFLARE_API_TOKEN. Then check the config: kvsync doctor\n  2. Bring the keys down, into ./kv: kvsync pull --dry-run, then kvsync pull`,
    );
}

/** Its path; undefined: there is one already, and that is no failure. */
function writeConfig({ cwd, output }: Context, text: string, ifMissing: boolean): string | undefined {
  const path = join(cwd, FILE);
  try {
    // "wx" refuses to overwrite, also what appeared a moment ago.
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw ioError(error, `could not write ${FILE}`);
    if (ifMissing) return undefined;
    throw new AppError("io", `${FILE} exists already, and is not overwritten`, {
      hint: `edit it, or move it away; kvsync doctor checks it`,
    });
  }
  output.report(`wrote ${FILE}`);
  return path;
}

/** False: there is something of that name, which is left as it is. */
function writeExample(folder: string, cwd: string): boolean {
  const path = join(cwd, EXAMPLE);
  if (existsSync(path)) return false;
  try {
    cpSync(join(folder, EXAMPLE), path, { recursive: true, errorOnExist: true, force: false });
  } catch (error) {
    throw ioError(error, `could not write ${EXAMPLE}`);
  }
  return true;
}

/** Editors find the schema by its path in a checkout of kvsync, and by its address elsewhere. */
function withSchemaOf(text: string, folder: string, cwd: string): string {
  const path = relative(cwd, join(folder, "config.schema.json"));
  return text.replace(SCHEMA_LINE, schemaLine(path.startsWith("..") ? SCHEMA_ADDRESS : `./${path}`));
}

/** The nearest folder above this file that has the example: the package, in src and in dist alike. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "config.example.yaml"))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new AppError("io", "config.example.yaml is missing from this installation", {
        hint: "install kvsync again",
      });
    folder = parent;
  }
  return folder;
}
