// Which paths of a tree are not part of it: the state folder, which changes with every round, must not cause the next.

import { realpathSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { faultCode } from "../../replica/tree/fs-fault.ts";

/** Those of `paths` (absolute, or from the root) that lie below `root`, from there; also found where symbolic links lead
 * to them on another way. */
export function findIgnoredPaths(root: string, paths: readonly string[]): ReadonlySet<string> {
  const found = paths.flatMap((path) => {
    const absolute = resolve(root, path);
    return [relative(root, absolute), relative(realPath(root), realPath(absolute))];
  });
  const below = found.filter((path) => path !== "" && path.split(sep)[0] !== ".." && !isAbsolute(path));
  return new Set(below.map((path) => path.split(sep).join("/")));
}

/** As it is if it does not exist, or nobody can tell. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    faultCode(error);
    return path;
  }
}
