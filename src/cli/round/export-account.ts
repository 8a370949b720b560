// kvsync export ACCOUNT:* DST: an archive for each namespace of an account, named by its title.

import { mkdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { ioError } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { isArchiveName } from "../../mapping/location.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { eachNamespace } from "./each-namespace.ts";
import { type Export, runExport } from "./run-export.ts";
import { openTitleNames } from "./title-path.ts";

const EXTENSION = ".ndjson.zst";

/** `from`: the name of the account. `to`: a folder that ends in `/`, or files with `*` for the title. */
export async function runExportAccount(context: Context, from: string, to: string, options: Export): Promise<ExitCode> {
  const pattern = to.endsWith("/") ? `${to}*${EXTENSION}` : to;
  const [before, extension, ...more] = basename(pattern).split("*");
  if (extension === undefined || more.length > 0 || before !== "" || !isArchiveName(pattern)) throw onePlace(from, to);
  const account = await context.account(from);
  const folder = pattern.slice(0, pattern.length - basename(pattern).length);
  const path = resolve(context.cwd, dirname(pattern));
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw ioError(error, `could not create the folder ${visible(path)}`);
  }
  const nameOf = openTitleNames(path, extension);
  // An account may well have empty namespaces.
  const each = { ...options, failEmpty: false };
  return eachNamespace(context, account, async (namespace, location) =>
    runExport(context, location, `${folder}${nameOf(namespace.title)}`, { ...each, namespace }),
  );
}

function onePlace(from: string, to: string): AppError {
  return new AppError("usage", `${visible(to)} is one file, and all namespaces of ${visible(from)} are meant`, {
    hint: `write a folder with a / at its end, or a * for the titles: kvsync export ${shellWord(`${from}:*`)} ${shellWord("./archives/*.ndjson.zst")}`,
  });
}
