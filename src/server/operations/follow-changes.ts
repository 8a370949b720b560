// The change feed of a namespace: where it starts. What follows is sent by feed/.

import type { Answer } from "../answer.ts";
import { decodeFeedCursor } from "../feed/feed-cursor.ts";
import type { FeedStart } from "../feed/feed-event.ts";
import { namespaceNotFound, noRoute } from "../refusal.ts";
import type { ChangeLog, StoredNamespaceId } from "../store/store.ts";
import { findNamespace, type OperationHandler } from "./operation.ts";

export const followChanges: OperationHandler = async (deps, { route, query, lastEventId }) => {
  const { store, offersFeed, asker } = deps;
  if (!offersFeed || "isReadOnly" in store) throw noRoute();
  const { id } = await findNamespace(deps, route, "follow changes");
  const start = await findStart(store.changes, id, query.get("since") ?? lastEventId);
  if (start === undefined) throw namespaceNotFound("follow changes");
  // A namespace can be renamed out of what the token may see.
  const isVisible = async (): Promise<boolean> => (await store.namespaces.find(route.account, id)) !== undefined;
  const { seesAllNamespaces } = asker.rights;
  return {
    ...head,
    feed: { namespace: id, start, revoked: asker.signal, isVisible: seesAllNamespaces ? undefined : isVisible },
  };
};

const head: Answer = {
  status: 200,
  contentType: "text/event-stream",
  body: "",
  // The last is for nginx, and what took the word from it: to pass events on as they come.
  headers: { "cache-control": "no-store", "x-accel-buffering": "no" },
};

/** Undefined: there is no such namespace. */
async function findStart(
  changes: ChangeLog,
  id: StoredNamespaceId,
  since: string | undefined,
): Promise<FeedStart | undefined> {
  const era = await changes.era();
  const after = since === undefined ? undefined : decodeFeedCursor({ namespace: id, era }, since);
  const next = after === undefined ? undefined : await changes.read(id, after, 1);
  if (after !== undefined && Array.isArray(next)) return { position: after, era, resetReason: undefined };
  const position = await changes.last(id);
  if (position === undefined) return undefined;
  return { position, era, resetReason: since === undefined ? undefined : reason(after) };
}

function reason(after: number | undefined): string {
  return after === undefined
    ? "the cursor is not of this namespace, or of data that were put back since"
    : "the log of changes does not reach from the cursor to now";
}
