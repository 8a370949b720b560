// Whether a path lies in a folder, whatever the two are called. Symbolic links, bind mounts and file systems that ignore
// case give one folder many names, so the text of a path proves nothing: device and inode do.

import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";

/** The ways from `folder` to `path`, as relative paths with "/": none if `path` lies elsewhere, "" if it is `folder`.
 * Neither has to exist: what does not is judged by the nearest folder above it that does. */
export function pathsInside(folder: string, path: string): readonly string[] {
  const ways = new Set<string>();
  const above = resolve(folder);
  const names = new Set([resolve(path), realPath(path)]);
  const identity = identityOf(above);
  for (const name of names) {
    for (const start of [above, realPath(above)]) {
      const rest = relative(start, name);
      if (rest.split(sep)[0] !== ".." && !isAbsolute(rest)) ways.add(rest);
    }
    if (identity === undefined) continue;
    for (let at = name; ; at = dirname(at)) {
      if (identityOf(at) === identity) ways.add(relative(at, name));
      if (dirname(at) === at) break;
    }
  }
  return [...ways].map((way) => way.split(sep).join("/"));
}

/** Like {@link pathsInside}, and through what is mounted somewhere below `folder` as well: a bind mount of a folder that holds
 * `path`. Reads the list of mounts, so it is not for many paths. */
export function pathsInsideMounts(folder: string, path: string): readonly string[] {
  const below = realPath(folder);
  const through = mountPoints()
    .filter((mount) => mount !== below && relative(below, mount).split(sep)[0] !== "..")
    .flatMap((mount) =>
      pathsInside(mount, path).map((way) => posix.join(relative(below, mount).split(sep).join("/"), way)),
    );
  return [...new Set([...pathsInside(folder, path), ...through])];
}

/** Where file systems and folders are mounted, as Linux tells; none elsewhere. */
function mountPoints(): readonly string[] {
  try {
    const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    // The fifth field, with what could be taken for a separator in octal (proc_pid_mountinfo(5)).
    const fields = lines.flatMap((line) => line.split(" ")[4] ?? []);
    return fields.map((field) =>
      field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  } catch (error) {
    rethrowUnlessOfSystem(error);
    return [];
  }
}

/** Whether one of `a` and `b` is the other, or lies in it. */
export function pathsOverlap(a: string, b: string): boolean {
  return pathsInside(a, b).length > 0 || pathsInside(b, a).length > 0;
}

/** Device and inode; undefined if nobody can tell. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    rethrowUnlessOfSystem(error);
    return undefined;
  }
}

/** `path` without symbolic links, as far as it exists. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch (error) {
    rethrowUnlessOfSystem(error);
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPath(parent), basename(absolute));
  }
}

function rethrowUnlessOfSystem(error: unknown): void {
  if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
}
