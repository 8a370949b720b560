// All keys of a namespace, page after page, with the next page on its way while this one is used.
//
// [I3] What did not come to a proper end proves nothing: a listing that goes in circles or does not end
// (listing-guard.ts) is an error and never the end, and so are keys out of order, which would be compared with the wrong ones.

import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { compareUtf8 } from "../core/key.ts";
import { LIST_PAGE_KEYS_MAX } from "../core/limits.ts";
import type { CallOptions, KvApi, ListedKey, NamespaceId } from "./kv-api.ts";
import { openListingGuard } from "./listing-guard.ts";

export interface ListQuery {
  readonly namespaceId: NamespaceId;
  /** Only keys that begin with this; all if empty. */
  readonly prefix?: string;
}

/** Pages of keys in strictly ascending UTF-8 order; empty ones are left out.
 * @throws AppError `api-malformed` when the listing contradicts itself; what the API says when it fails. */
export async function* listAllKeys(
  { clock, api }: { readonly clock: Clock; readonly api: KvApi },
  { namespaceId, prefix = "" }: ListQuery,
  options: CallOptions = {},
): AsyncGenerator<readonly ListedKey[], void> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const fetchPage = (cursor: string): ReturnType<KvApi["listKeys"]> => {
    const page = api.listKeys(namespaceId, { prefix, cursor, limit: LIST_PAGE_KEYS_MAX }, { ...options, signal });
    // It is awaited later: until then a failure must not count as unhandled.
    page.catch(() => undefined);
    return page;
  };
  const guard = openListingGuard(clock, `list the keys of namespace ${namespaceId}`);
  let last: string | undefined;
  let next: ReturnType<KvApi["listKeys"]> | undefined = fetchPage("");
  try {
    while (next !== undefined) {
      const { keys, cursor }: Awaited<typeof next> = await next;
      guard.check({ keys, cursor });
      next = cursor === "" ? undefined : fetchPage(cursor);
      last = checkPage(keys, last, prefix, namespaceId);
      if (keys.length > 0) yield keys;
    }
  } finally {
    stop.abort(new AppError("interrupted", "the listing is no longer wanted"));
  }
}

/** Returns the last name of all so far. */
function checkPage(
  keys: readonly ListedKey[],
  before: string | undefined,
  prefix: string,
  namespaceId: NamespaceId,
): string | undefined {
  let last = before;
  for (const { name } of keys) {
    if (last !== undefined && compareUtf8(last, name) >= 0) throw malformed(namespaceId, "keys are not in order");
    if (!name.startsWith(prefix)) throw malformed(namespaceId, "a key has not the prefix that was asked for");
    last = name;
  }
  return last;
}

function malformed(namespaceId: NamespaceId, why: string): AppError {
  return new AppError("api-malformed", `could not list the keys of namespace ${namespaceId}: ${why}`, {
    hint: "nothing was concluded from this listing; try again",
    retryable: true,
  });
}
