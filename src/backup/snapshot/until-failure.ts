// A replica that comes to an end where it would fail: its listing and its reads stop there, and the failure is kept. What was
// read up to then is worth storing, as a snapshot that is not complete.

import { AppError } from "../../core/errors.ts";
import type { Pages, ReadableReplica } from "../../replica/replica.ts";

export interface UntilFailure {
  readonly replica: ReadableReplica;
  readonly failure: { readonly error: AppError } | undefined;
}

/** An aborted `signal` still makes both fail with its reason. */
export function untilFailure(inner: ReadableReplica, signal: AbortSignal): UntilFailure {
  let failure: { readonly error: AppError } | undefined;
  /** Undefined: it failed, now or before. */
  const step = async <T>(from: AsyncIterator<T>): Promise<IteratorResult<T> | undefined> => {
    if (failure !== undefined) return undefined;
    try {
      return await from.next();
    } catch (error) {
      signal.throwIfAborted();
      // Anything else is a bug.
      if (!(error instanceof AppError)) throw error;
      failure ??= { error };
      return undefined;
    }
  };
  const guarded = async function* <T>(pages: Pages<T>): Pages<T> {
    const from = pages[Symbol.asyncIterator]();
    try {
      for (let next = await step(from); next !== undefined && next.done !== true; next = await step(from))
        yield next.value;
    } finally {
      await from.return?.();
    }
  };
  return {
    replica: {
      kind: inner.kind,
      label: inner.label,
      traits: inner.traits,
      list: (options) => guarded(inner.list(options)),
      lookup: undefined,
      fetch: undefined,
      async *read(entries, options) {
        yield* guarded(inner.read(entries, options));
        // What is listed is still taken to its end, which comes at once.
        if (failure !== undefined) for await (const _ of entries);
      },
      close: () => inner.close(),
    },
    get failure() {
      return failure;
    },
  };
}
