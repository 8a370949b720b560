// The paths that may have changed since they were last looked at: a set that stays bounded, and gives up naming them when
// they are too many, since a look at everything is cheaper then.

export interface DirtyPaths {
  readonly size: number;
  /** True: there were too many to name. */
  readonly isLost: boolean;
  add(paths: readonly string[]): void;
  /** Everything may have changed. */
  lose(): void;
  /** All of them; the set is empty afterwards. */
  take(): readonly string[];
}

/** As many as a watcher reports at once. */
const PATHS_MAX = 10_000;

export function openDirtyPaths(max: number = PATHS_MAX): DirtyPaths {
  let paths = new Set<string>();
  let isLost = false;
  const lose = (): void => {
    isLost = true;
    paths.clear();
  };
  return {
    get size() {
      return paths.size;
    },
    get isLost() {
      return isLost;
    },
    add(more) {
      if (isLost) return;
      for (const path of more) paths.add(path);
      if (paths.size > max) lose();
    },
    lose,
    take() {
      const taken = [...paths];
      paths = new Set();
      isLost = false;
      return taken;
    },
  };
}
