// A feed of changes that is followed for as long as the server offers it: lost, it is asked for again from where it was, after a while,
// since the other daemons that lost it at the same moment come back too.

import { backoffMs, type BackoffOptions } from "../../core/backoff.ts";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { KvApi, NamespaceId } from "../kv-api.ts";
import { KvError } from "../kv-error.ts";
import type { ChangeEvent, FeedCursor } from "./change-event.ts";

export type FeedEvent =
  | ChangeEvent
  /** It is asked for again. */
  | { readonly kind: "lost"; readonly error: AppError; readonly retryInMs: DurationMs }
  /** The last: it is not asked for again, since that would fail of the same. */
  | { readonly kind: "ended"; readonly error: AppError };

/** A server that starts anew is away for some seconds. */
const RETRY_BACKOFF: BackoffOptions = { baseMs: 2000, capMs: 15_000 };
/** A feed that was up for so long is no reason to wait longer the next time. */
const STEADY_MS: DurationMs = 30_000;

/** From `since` on, or from now. Ends after "gone" and "ended"; throws the signal's reason. */
export async function* followChanges(
  { clock, api }: { readonly clock: Clock; readonly api: Pick<KvApi, "readChanges"> },
  id: NamespaceId,
  { since, signal }: { readonly since: FeedCursor | undefined; readonly signal: AbortSignal },
): AsyncGenerator<FeedEvent, void> {
  let cursor = since;
  let failures = 0;
  for (;;) {
    let upAt: MonotonicMs | undefined;
    let failure: AppError | undefined;
    try {
      for await (const event of api.readChanges(id, cursor, { signal })) {
        if (event.kind === "gone") {
          yield event;
          return;
        }
        upAt ??= clock.monotonic();
        cursor = event.cursor;
        yield event;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError)) throw error;
      failure = error;
    }
    const error = failure ?? new AppError("network", "the feed ended", { retryable: true });
    if (!error.retryable) {
      yield { kind: "ended", error };
      return;
    }
    if (upAt !== undefined && clock.monotonic() - upAt >= STEADY_MS) failures = 0;
    // What the server asks for, and then not all at once.
    const asked = error instanceof KvError ? (error.retryAfterMs ?? 0) : 0;
    const retryInMs = asked + backoffMs(failures++, RETRY_BACKOFF, clock.random());
    yield { kind: "lost", error, retryInMs };
    await clock.sleep(retryInMs, signal);
  }
}
