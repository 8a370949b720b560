// Deletes any number of keys with the fewest bulk deletes possible.

import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import { sendInBatches } from "./batch-loop.ts";
import { type BatchItem, openBatchPace } from "./batch-ops.ts";
import type { CallOptions } from "./kv-api.ts";
import { KvError } from "./kv-error.ts";
import type { TransferDeps } from "./write-pairs.ts";

export type DeleteOutcome =
  /** Also when the key did not exist. */
  | { readonly kind: "deleted"; readonly key: Key }
  | { readonly kind: "problem"; readonly key: Key; readonly problem: Problem };

/** Deletes `pages` of keys, 10,000 a request. Each key has one outcome, in any order.
 * @throws AppError what concerns all keys, after the outcomes known by then. */
export async function* deleteKeys(
  { clock, api, namespaceId, pace = openBatchPace() }: TransferDeps,
  pages: AsyncIterable<readonly Key[]>,
  options: CallOptions = {},
): AsyncGenerator<readonly DeleteOutcome[], void> {
  let form: "post" | "delete" = "post";
  const batches = sendInBatches<Key, BatchItem>(
    pages,
    {
      clock,
      verb: "deleted",
      once: options.once !== undefined,
      pace,
      keyOf: (key) => key,
      // A quote on both sides and a comma; escapes can only be few enough not to matter against the limit.
      encode: (key) => ({ key, byteLength: Buffer.byteLength(key) + 3, attempts: 0 }),
      send: async (items, signal) => {
        const keys = items.map((item) => item.key);
        try {
          return await api.bulkDelete(namespaceId, keys, { ...options, signal, form });
        } catch (error) {
          if (form === "delete" || !isUnknownRoute(error)) throw error;
          // An older server, which knows only the deprecated form.
          form = "delete";
          return await api.bulkDelete(namespaceId, keys, { ...options, signal, form });
        }
      },
      sendAlone: (item, signal) => api.deleteValue(namespaceId, item.key, { ...options, signal }),
    },
    options.signal,
  );
  for await (const settled of batches) {
    yield settled.map((outcome) => {
      if (outcome.kind === "refused") return { kind: "problem", key: outcome.input, problem: outcome.problem };
      const { key } = outcome.item;
      return outcome.kind === "done" ? { kind: "deleted", key } : { kind: "problem", key, problem: outcome.problem };
    });
  }
}

function isUnknownRoute(error: unknown): boolean {
  return error instanceof KvError && error.code === "api-error" && (error.status === 404 || error.status === 405);
}
