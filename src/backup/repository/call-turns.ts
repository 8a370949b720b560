// Calls of a writer, one after another, whoever makes them. A call that failed may have left things half done: packs that are in no index.
// So none succeeds afterwards: each fails with what the first one failed with.

export interface CallTurns {
  /** Does `work` once all that was called before has ended. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Does `work` now. */
  readonly atOnce: <T>(work: () => Promise<T>) => Promise<T>;
  readonly failure: { readonly error: unknown } | undefined;
}

export function openCallTurns(): CallTurns {
  let tail: Promise<unknown> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  const atOnce = async <T>(work: () => Promise<T>): Promise<T> => {
    if (failure !== undefined) throw failure.error;
    try {
      return await work();
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };
  return {
    inTurn(work) {
      const result = tail.then(() => atOnce(work));
      // Its caller is told of a failure.
      tail = result.catch(() => undefined);
      return result;
    },
    atOnce,
    get failure() {
      return failure;
    },
  };
}
