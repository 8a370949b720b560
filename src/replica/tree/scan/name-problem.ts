// What is wrong with the name of one file that can be no key's: the same that a listing of the whole tree tells of it, for
// when a watcher tells which names changed.

import { lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { keyFault } from "../../../core/key.ts";
import type { NameScheme } from "../../../core/names/name-scheme.ts";
import { decodePath } from "../../../core/names/path-codec.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { readNames } from "./folder-names.ts";
import { faultCode } from "../fs-fault.ts";
import { notUtf8 } from "./level.ts";
import { KEY_FAULTS } from "./walk.ts";

/** Whether a path may have stood for bytes that are no UTF-8: only the folder's listing tells. */
export function hasDoubtfulName(path: string): boolean {
  return path.includes("\ufffd");
}

/** Undefined: nothing is wrong with it, or nothing has that name any more. `path`: from the root. */
export function findNameProblem(
  root: string,
  path: string,
  { scheme, prefix }: { readonly scheme: NameScheme; readonly prefix: string },
): Problem | undefined {
  if (hasDoubtfulName(path) && badNamesIn(join(root, dirname(path))).has(basename(path))) return notUtf8(path);
  const decoded = decodePath(path, scheme);
  if (decoded.kind === "temp" || decoded.kind === "conflict" || !isFile(join(root, path))) return undefined;
  if (decoded.kind === "invalid") return problem("name-reserved", path, decoded.reason);
  const fault = keyFault(prefix + decoded.key);
  return fault === undefined ? undefined : problem("key-invalid", path, KEY_FAULTS[fault]);
}

/** Empty for a folder that is gone or cannot be read: that is told as a problem of its own. */
function badNamesIn(folder: string): ReadonlySet<string> {
  const bad = new Set<string>();
  try {
    readNames(folder, (name) => bad.add(name));
  } catch (error) {
    faultCode(error);
  }
  return bad;
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    faultCode(error);
    return false;
  }
}
