// What a screen asks the daemon for: the last answer, that it is being asked for, or why it could not be had. An answer that comes after a
// later question is dropped.

import { type App, type Notice, noticeOf } from "./app.ts";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly isLoading: boolean;
  readonly problem: Notice | undefined;
  /** Asks. What there was stays until the answer comes. */
  load(question: () => Promise<T>): void;
  /** Puts this in the place of the answer. */
  put(value: T): void;
}

export function openLoaded<T>(app: App): Loaded<T> {
  let turn = 0;
  const loaded = {
    value: undefined as T | undefined,
    isLoading: false,
    problem: undefined as Notice | undefined,
    put(value: T) {
      loaded.value = value;
    },
    load(question: () => Promise<T>) {
      const mine = ++turn;
      loaded.isLoading = true;
      app.redraw();
      void question()
        .then(
          (value) => {
            if (mine === turn) Object.assign(loaded, { value, problem: undefined });
          },
          (error: unknown) => {
            if (mine === turn) loaded.problem = noticeOf(error);
          },
        )
        .finally(() => {
          if (mine !== turn) return;
          loaded.isLoading = false;
          app.redraw();
        });
    },
  };
  return loaded;
}
