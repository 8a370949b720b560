// The feed of a namespace's changes: one request, whose answer goes on for as long as both sides live. Who wants to be told for longer
// asks again (changes/follow-changes.ts).

import type { DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { ChangeEvent, FeedCursor } from "../changes/change-event.ts";
import { parseChangeEvent } from "../changes/change-event.ts";
import { EventStreamError, openEventParser } from "../changes/event-parser.ts";
import type { CallOptions, KvApi, NamespaceId } from "../kv-api.ts";
import { KvError } from "../kv-error.ts";
import { judgeNetworkError } from "../network-error.ts";
import type { Call, CallResult } from "../request-loop.ts";
import { single } from "../rate-headers.ts";
import type { HttpAnswer } from "../transport.ts";
import type { Caller } from "./caller.ts";

/** A server says something each 15 seconds, if only that it is there. */
export const FEED_SILENCE_MS_MAX: DurationMs = 40_000;

/** A feed that has waited longer for the request budget is asked for later. */
const BUDGET_WAIT_MS_MAX: DurationMs = 600_000;

export function changeCalls(
  caller: Caller,
  { host, silenceMs }: { readonly host: string; readonly silenceMs: DurationMs },
): Pick<KvApi, "readChanges"> {
  return { readChanges: (id, since, options) => readChanges(caller, { host, silenceMs }, id, since, options) };
}

async function* readChanges(
  { paths, loop }: Caller,
  { host, silenceMs }: { readonly host: string; readonly silenceMs: DurationMs },
  id: NamespaceId,
  since: FeedCursor | undefined,
  options: CallOptions = {},
): AsyncGenerator<ChangeEvent, void> {
  const what = `follow the changes of namespace ${id}`;
  const path = paths.changes(id, since);
  const call: Call = { operation: "changes", what, method: "GET", path, namespaceId: id, silenceMs };
  const once = { withinMs: BUDGET_WAIT_MS_MAX };
  const answer = streamOf(
    await loop.run(call, "stream", { ...options, priority: options.priority ?? "scan", once }),
    what,
  );
  const parse = openEventParser();
  let isStarted = false;
  try {
    for await (const chunk of answer.body) {
      for (const event of parse(chunk)) {
        const change = parseChangeEvent(event);
        if (change === undefined) continue;
        if (!isStarted && change.kind === "changed")
          throw new EventStreamError("it tells of changes before it says where it starts");
        isStarted = true;
        yield change;
        if (change.kind === "gone") return;
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw judgedError(error, { what, host, isStarted });
  }
  throw new KvError("network", `could not ${what}: the feed ended (${host})`, { retryable: true });
}

/** The answer, if it is a stream of events as they were sent. */
function streamOf(result: CallResult, what: string): HttpAnswer {
  if (result.kind !== "stream") throw noFeed(what, "the answer is no stream");
  const { headers, body } = result.answer;
  const type = single(headers["content-type"]) ?? "";
  const encoding = single(headers["content-encoding"]) ?? "identity";
  if (/^text\/event-stream\s*(?:;|$)/i.test(type) && encoding === "identity") return result.answer;
  body.drop();
  throw noFeed(what, type === "" ? "the answer has no content type" : `the answer is no stream of events`);
}

/** Undici's code for a body of which nothing more comes. */
const SILENT = "UND_ERR_BODY_TIMEOUT";

function judgedError(
  error: unknown,
  { what, host, isStarted }: { readonly what: string; readonly host: string; readonly isStarted: boolean },
): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof EventStreamError) return noFeed(what, error.message, error);
  // Something on the way keeps it back, to hand it on when it is complete.
  if (!isStarted && (error as { readonly code?: unknown }).code === SILENT) return noFeed(what, "no event came", error);
  const verdict = judgeNetworkError(error, what, host);
  if (verdict.kind === "retry" || verdict.kind === "fail") return verdict.error;
  throw error;
}

/** What answers does not offer the feed, whatever it says. */
function noFeed(what: string, why: string, cause?: unknown): KvError {
  return new KvError("api-malformed", `could not ${what}: ${why}`, {
    hint: "a proxy on the way must pass answers on as they come; without the feed the remote is polled",
    cause,
  });
}
