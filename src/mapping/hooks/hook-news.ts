// What a hook has not been told yet: a line a key, the last one counts, and a number once there are too many to keep.

/** Lines kept for a run; further ones are counted only. A first pull may change a million files. */
export const LINES_MAX = 50_000;

/** What one run is told. */
export interface HookBatch {
  /** By what they are about (a key), in the order in which it first came up: the last line counts. */
  readonly lines: ReadonlyMap<string, string>;
  /** How much there is besides, for which there is no line. */
  readonly more: number;
}

export interface HookNews {
  add(lines: Iterable<readonly [about: string, line: string]>, more: number): void;
  count(): number;
  /** Whether anything came since the last `take`. */
  isNew(): boolean;
  /** All there is; then there is none. */
  take(): HookBatch;
  /** `batch` was told in vain: what came since counts over it. */
  putBack(batch: HookBatch): void;
}

export function openNews(): HookNews {
  let pending = new Map<string, string>();
  let more = 0;
  let isNew = false;

  function merge(lines: Iterable<readonly [string, string]>, uncounted: number): void {
    more += uncounted;
    for (const [about, line] of lines) {
      if (pending.has(about) || pending.size < LINES_MAX) pending.set(about, line);
      else more++;
    }
  }
  function take(): HookBatch {
    const batch = { lines: pending, more };
    pending = new Map();
    more = 0;
    isNew = false;
    return batch;
  }
  return {
    add(lines, uncounted) {
      merge(lines, uncounted);
      isNew = true;
    },
    count: () => pending.size + more,
    isNew: () => isNew,
    take,
    putBack(batch) {
      const wasNew = isNew;
      const newer = take();
      merge(batch.lines, batch.more);
      merge(newer.lines, newer.more);
      isNew = wasNew;
    },
  };
}
