// Tasks that run while a generator waits: which are under way, which failed first, and a bell that rings when any of it
// changes. Between looking at the state and waiting for the bell nothing may be awaited, or a ring is missed.

export interface TaskSet {
  readonly running: number;
  readonly failure: { readonly error: unknown } | undefined;
  /** Aborted by the first failure: for tasks that only wait. */
  readonly failed: AbortSignal;
  run(task: Promise<void>): void;
  fail(error: unknown): void;
  ring(): void;
  /** Resolves at the next ring. */
  changed(): Promise<void>;
  /** Resolves once no task runs any more; never rejects. */
  ended(): Promise<void>;
}

export function openTaskSet(): TaskSet {
  const tasks = new Set<Promise<void>>();
  const failed = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

  const ring = (): void => {
    wake?.();
    wake = undefined;
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    failed.abort(error);
    ring();
  };
  return {
    get running() {
      return tasks.size;
    },
    get failure() {
      return failure;
    },
    failed: failed.signal,
    run: (task) => {
      const tracked = task.catch(fail).finally(() => {
        tasks.delete(tracked);
        ring();
      });
      tasks.add(tracked);
    },
    fail,
    ring,
    changed: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    ended: async () => {
      await Promise.all(tasks);
    },
  };
}
