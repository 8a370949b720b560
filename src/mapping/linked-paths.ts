// Which other paths a change of some paths is about as well, where symbolic links are followed: the keys that links lead to them
// from. Pure.

import { isHeldForLinks } from "../core/symlink-policy.ts";
import type { Link } from "../replica/tree/links/link-index.ts";

/** More comparisons than this take longer than a look at everything. */
const COMPARISONS_MAX = 2_000_000;

/** `paths`, with what links make of them; both from the root, and those that end in "/" are folders. Undefined: what a link leads
 * to may be another thing by now, and everything must be looked at. `links`: undefined if not all are known. */
export function findLinkedPaths(
  paths: readonly string[],
  links: readonly Link[] | undefined,
): readonly string[] | undefined {
  if (paths.some(isHeldForLinks)) return undefined;
  if (links === undefined || links.length * paths.length > COMPARISONS_MAX) return undefined;
  const found = new Set(paths);
  for (const changed of paths) {
    const path = changed.endsWith("/") ? changed.slice(0, -1) : changed;
    for (const { path: from, target, through } of links) {
      if (isOnTheWay(path, [target, ...through], { isFolder: path !== changed })) return undefined;
      if (path === target) found.add(from);
      else if (path.startsWith(`${target}/`) || target === "") found.add(from + changed.slice(target.length));
    }
  }
  return [...found];
}

/** Whether `path` is a link that was followed, or holds something that was, or is a folder that a link leads to or into. */
function isOnTheWay(
  path: string,
  [target = "", ...through]: readonly string[],
  { isFolder }: { readonly isFolder: boolean },
): boolean {
  return (
    through.includes(path) ||
    [target, ...through].some((point) => point.startsWith(`${path}/`)) ||
    (isFolder && (path === target || path.startsWith(`${target}/`)))
  );
}
