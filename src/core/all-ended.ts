// Work side by side that shares what its caller closes when it is over: where one fails, the others are ended, and none of them goes on
// beyond the failure, as those of Promise.all do.

/** What all of them come to, in their order. Throws the first failure, once all have ended. `signal` ends all of them. */
export async function allEnded<T>(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<readonly T[]> {
  const failed = new AbortController();
  const ending = AbortSignal.any([signal, failed.signal]);
  const settled = await Promise.allSettled(
    works.map(async (work) => {
      try {
        return await work(ending);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  // The first one is the reason: what the others failed with may come from their being ended.
  if (failed.signal.aborted) throw failed.signal.reason;
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}
