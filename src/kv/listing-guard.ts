// What a listing is asked for page after page: whether it can still come to an end. A server that gives empty pages with ever
// fresh cursors, or goes in circles, would keep its client for good.
//
// [I3] A listing that does not end proves nothing: that is an error, and never the end.

import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { ListKeysPage } from "./kv-api.ts";

/** KV gives empty pages where keys were deleted or have expired: a thousand pages are a million such keys. */
const EMPTY_PAGES_MAX = 1000;
/** Whoever lists, and waits for the budget, gets some keys in this time, or there are none to be had. */
const WITHOUT_KEYS_MS_MAX: DurationMs = 3_600_000;

export interface ListingGuard {
  /** Takes note of a page. @throws AppError `api-malformed` if the listing does not end */
  check(page: ListKeysPage): void;
}

/** `what`: which listing, to go on after "could not": `list the keys of namespace 0f2a...`. */
export function openListingGuard(clock: Pick<Clock, "monotonic">, what: string): ListingGuard {
  const cursors = new Set<string>();
  let emptyPages = 0;
  let lastKeysAt = clock.monotonic();
  return {
    check: ({ keys, cursor }) => {
      if (cursor === "") return;
      if (cursors.has(cursor)) throw endless(what, "the same cursor came twice");
      cursors.add(cursor);
      if (keys.length > 0) {
        emptyPages = 0;
        lastKeysAt = clock.monotonic();
        return;
      }
      emptyPages++;
      if (emptyPages >= EMPTY_PAGES_MAX)
        throw endless(what, `${EMPTY_PAGES_MAX} pages in a row were empty, and each said that more would follow`);
      if (clock.monotonic() - lastKeysAt > WITHOUT_KEYS_MS_MAX)
        throw endless(what, "no key came for an hour, and each page said that more would follow");
    },
  };
}

function endless(what: string, why: string): AppError {
  return new AppError("api-malformed", `could not ${what}: ${why}`, {
    hint: "nothing was concluded from this listing; try again",
    retryable: true,
  });
}
