// Pages as a source of single items, with the next page asked for before this one is used up.

import type { TaskSet } from "./task-set.ts";

export interface PageInput<T> {
  /** No more items will come. */
  readonly ended: boolean;
  /** The next item, if it is here; it stays the next one until `take`. */
  peek(): T | undefined;
  take(): void;
  /** Asks for the next page, if this one is used up and it has not been asked for. */
  pull(): void;
  /** Tells the source that no more is wanted. */
  close(): Promise<void>;
}

/** Rings `tasks` when a page has come, and fails them when the source does. Items are never undefined. */
export function openPageInput<T>(pages: AsyncIterable<readonly T[]>, tasks: TaskSet): PageInput<T> {
  const source = pages[Symbol.asyncIterator]();
  let page: readonly T[] = [];
  let at = 0;
  let state: "here" | "asked" | "ended" = "here";

  const receive = (next: IteratorResult<readonly T[]>): void => {
    state = next.done === true ? "ended" : "here";
    page = next.done === true ? [] : next.value;
    at = 0;
    tasks.ring();
  };
  const fail = (error: unknown): void => {
    state = "ended";
    tasks.fail(error);
  };
  return {
    get ended() {
      return state === "ended";
    },
    peek: () => page[at],
    take: () => {
      at++;
    },
    pull: () => {
      if (state !== "here" || at < page.length) return;
      state = "asked";
      source.next().then(receive, fail);
    },
    close: async () => {
      const isThinking = state === "asked";
      state = "ended";
      const returned = source.return?.();
      // A source that is still making its next page would be waited for.
      if (isThinking) returned?.catch(() => undefined);
      else await returned;
    },
  };
}
