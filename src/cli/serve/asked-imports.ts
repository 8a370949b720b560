// What --import asks for: archives, each with the title of the namespace that it becomes. Nothing is opened yet.

import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ioError } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { TITLE_CHARS_MAX } from "../../core/limits.ts";
import { withoutArchiveExtension } from "../../mapping/location.ts";
import { shellWord } from "../../core/shell-word.ts";
import { titleOfFileName } from "../round/title-path.ts";
import { isClaimTitle } from "./claimed-namespace.ts";

export interface AskedImport {
  readonly title: string;
  /** As it is typed, or below the folder that is; `-` is stdin. */
  readonly file: string;
}

/** Each of `given` is `ARCHIVE`, `TITLE=ARCHIVE`, or a folder, of which every archive is meant. Throws AppError "usage", "io", and "source-empty" for a
 * folder without archives. */
export function askedImports(given: readonly string[], cwd: string): readonly AskedImport[] {
  const asked = given.flatMap((text) => askedBy(text, cwd));
  const byTitle = new Map<string, AskedImport>();
  for (const next of asked) {
    const { title, file } = next;
    const before = byTitle.get(title);
    if (before !== undefined)
      throw usage(
        `${visible(before.file)} and ${visible(file)} are both to be the namespace "${visible(title)}"`,
        "leave one out, or give it another title: --import TITLE=ARCHIVE",
      );
    checkTitle(title);
    byTitle.set(title, next);
  }
  return asked;
}

function askedBy(text: string, cwd: string): readonly AskedImport[] {
  const [, title, named] = /^([^=/]*)=(.+)$/s.exec(text) ?? [];
  const file = named ?? text;
  const found = file === "-" ? undefined : statSync(resolve(cwd, file), { throwIfNoEntry: false });
  const isFolder = found?.isDirectory() === true;
  // What was meant for a folder has no extension to be missed.
  if (found === undefined && title === undefined && file !== "-" && withoutArchiveExtension(file) === undefined)
    throw new AppError("io", `could not read ${visible(file)}: there is no such file or folder`, {
      hint: "check the path",
    });
  if (isFolder && title === undefined) return archivesOf(file, cwd);
  if (isFolder)
    throw usage(
      `${visible(file)} is a folder, whose archives tell their titles by their names`,
      `type: --import ${shellWord(file)}`,
    );
  return [{ title: title ?? titleOf(file), file }];
}

function titleOf(file: string): string {
  const name = withoutArchiveExtension(basename(file));
  if (name !== undefined) return titleOfFileName(name);
  throw usage(
    `${file === "-" ? "stdin" : visible(file)} has no name that ends in .ndjson.zst, .ndjson.gz, .ndjson or .json`,
    "say which namespace it is to be: --import TITLE=ARCHIVE",
  );
}

/** As `kvsync export 'ACCOUNT:*' FOLDER/` writes them. */
function archivesOf(folder: string, cwd: string): readonly AskedImport[] {
  let names: readonly string[];
  try {
    names = readdirSync(resolve(cwd, folder));
  } catch (error) {
    throw ioError(error, `could not read the folder ${visible(folder)}`);
  }
  const archives = names.filter((name) => !name.startsWith(".") && withoutArchiveExtension(name) !== undefined);
  if (archives.length > 0) return archives.sort().map((name) => ({ title: titleOf(name), file: join(folder, name) }));
  throw new AppError("source-empty", `there is no archive in the folder ${visible(folder)}`, {
    hint: `to make one of each namespace: kvsync export 'ACCOUNT:*' ${shellWord(folder.replace(/\/*$/, "/"))}`,
  });
}

function checkTitle(title: string): void {
  if (title === "") throw usage("a namespace needs a title", "write --import TITLE=ARCHIVE");
  if (Array.from(title).length > TITLE_CHARS_MAX)
    throw usage(
      `the title "${visible(title.slice(0, 40))}..." is too long: it may have ${TITLE_CHARS_MAX} characters`,
      "give a shorter one: --import TITLE=ARCHIVE",
    );
  if (isClaimTitle(title) || !title.isWellFormed())
    throw usage(
      `the title "${visible(title.slice(0, 80))}" is one that no namespace can be imported under`,
      "give another one: --import TITLE=ARCHIVE",
    );
}

function usage(message: string, hint: string): AppError {
  return new AppError("usage", `--import: ${message}`, { hint });
}
