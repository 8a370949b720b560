// Which paths of a tree are not part of it: the state folder, which changes with every round, must not cause the next.

import { resolve } from "node:path";
import { pathsInside } from "../../replica/tree/paths-inside.ts";

/** Those of `paths` (absolute, or from the root) that lie below `root`, from there; also found where symbolic links or
 * mounts lead to them on another way. */
export function findIgnoredPaths(root: string, paths: readonly string[]): ReadonlySet<string> {
  const found = paths.flatMap((path) => pathsInside(root, resolve(root, path)));
  return new Set(found.filter((path) => path !== ""));
}
