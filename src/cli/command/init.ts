// `kvsync init`: the commented example config as ./kvsync.yaml, and the folder that it is about, unless there is one.

import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ioError } from "../../config/read-file.ts";

const FILE = "kvsync.yaml";
/** The folder of the only mapping of the example config. */
const EXAMPLE = join("example", "app-config");
const SCHEMA_LINE = "# yaml-language-server: $schema=./config.schema.json\n#\n";

export function define(command: Command, start: Start): void {
  command
    .option("--if-missing", `do nothing if there is a ${FILE}`)
    .action((options: { readonly ifMissing?: boolean }) =>
      start(async (context) => init(context, options.ifMissing === true)),
    );
}

function init({ cwd, output }: Context, ifMissing: boolean): void {
  const path = join(cwd, FILE);
  const folder = packageFolder();
  const text = withSchemaOf(readFileSync(join(folder, "config.example.yaml"), "utf8"), folder, cwd);
  try {
    // "wx" refuses to overwrite, also what appeared a moment ago.
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw ioError(error, `could not write ${FILE}`);
    if (ifMissing) return;
    throw new AppError("io", `${FILE} exists already, and is not overwritten`, {
      hint: `edit it, or move it away; kvsync doctor checks it`,
    });
  }
  output.report(`wrote ${FILE}`);
  if (writeExample(folder, cwd)) output.report(`wrote ${EXAMPLE}, a folder to try it with`);
  output.event({ type: "summary", command: "init", file: path });
  // Whoever says --if-missing has the next step in hand.
  if (!ifMissing)
    output.note(
      `next:\n  1. Try it, without an account: kvsync run\n  2. Edit ${FILE} for your own account and folders. Then check it: kvsync doctor`,
    );
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

/** Editors find the schema by its path, which is another one outside this package; where there is none, the line goes. */
function withSchemaOf(text: string, folder: string, cwd: string): string {
  const path = relative(cwd, join(folder, "config.schema.json"));
  return text.replace(SCHEMA_LINE, path.startsWith("..") ? "" : `# yaml-language-server: $schema=./${path}\n#\n`);
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
