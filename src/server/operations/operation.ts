// What an operation is: from a request that was routed, allowed and read, to an answer. Each asks the store for what it does in one call, or in
// one transaction, so that no request sees half of another.

import type { EpochSeconds } from "../../core/clock.ts";
import { parseJsonText } from "../../core/json-text.ts";
import type { Answer } from "../answer.ts";
import type { Authorised } from "../access/access.ts";
import type { AnswerRoom } from "../answer-room.ts";
import { checkKey } from "../attributes.ts";
import type { Meddling } from "../interference.ts";
import { jsonShapeFault } from "../json-shape.ts";
import {
  authenticationError,
  type Caller,
  malformedBody,
  malformedNamespaceId,
  namespaceNotFound,
  readOnly,
  undecodableKey,
} from "../refusal.ts";
import type { RequestBody } from "../request-body.ts";
import { decodeKey, type Route } from "../route.ts";
import type { ReadOnlyStore, Store, StoredNamespace } from "../store/store.ts";
import type { UsageLimits } from "../usage-limits.ts";

export interface OperationDeps {
  /** As whoever asks sees it. */
  readonly store: Store | ReadOnlyStore;
  readonly limits: UsageLimits;
  /** Whoever asks: what goes on for long ends with the signal. */
  readonly asker: Pick<Authorised, "rights" | "signal">;
  /** Whether there is a feed of changes. */
  readonly offersFeed: boolean;
  /** To be waited for by what is going to answer with much. */
  readonly answerRoom: Pick<AnswerRoom, "wait">;
  /** Whether a namespace id must have the form of one (10011); else any word may be asked for (and is not found). */
  readonly strictIds: boolean;
}

export interface OperationRequest {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  /** As a browser's EventSource sends it when it comes back. */
  readonly lastEventId: string | undefined;
  readonly body: Buffer;
  readonly now: EpochSeconds;
  readonly meddling: Meddling;
}

/** Throws a Refusal for what it will not do. */
export type OperationHandler = (deps: OperationDeps, request: OperationRequest) => Answer | Promise<Answer>;

/** A request whose body is still on its way. */
export interface ArrivingRequest extends Omit<OperationRequest, "body" | "now"> {
  readonly body: RequestBody;
  /** The body takes its time. */
  now(): EpochSeconds;
}

/** The same; it may leave the body unread. */
export type ArrivingHandler = (deps: OperationDeps, request: ArrivingRequest) => Promise<Answer>;

const strictId = /^[0-9a-f]{32}$/i;
const laxId = /^[A-Za-z0-9_-]{1,32}$/;

/** Throws a Refusal if whoever asked may not ask any more: to be asked once the body, which may take its time, is there. */
export function checkAsker({ asker }: Pick<OperationDeps, "asker">): void {
  if (asker.signal.aborted) throw authenticationError();
}

/** The namespace that the route names, or a Refusal. */
export async function findNamespace(deps: OperationDeps, route: Route, caller: Caller): Promise<StoredNamespace> {
  const { account, namespaceId } = route;
  if (!(deps.strictIds ? strictId : laxId).test(namespaceId)) throw malformedNamespaceId(namespaceId);
  const namespace = await deps.store.namespaces.find(account, namespaceId.toLowerCase());
  if (namespace === undefined) throw namespaceNotFound(caller);
  return namespace;
}

/** The store, to be written to, or a Refusal: to be asked for before anything else of a request that writes. */
export function writableStore({ store }: OperationDeps): Store {
  if ("isReadOnly" in store) throw readOnly();
  return store;
}

/** The key that the route names, or a Refusal. */
export function parseRouteKey(route: Route, caller: Caller): string {
  const key = decodeKey(route.rawKey);
  if (key === undefined) throw undecodableKey();
  checkKey(key, caller);
  return key;
}

/** The body as JSON, or a Refusal. */
export function parseJsonBody(body: Buffer, caller: Caller, noun: string): unknown {
  const fault = jsonShapeFault(body);
  if (fault !== undefined) throw malformedBody(caller, `could not parse ${noun} from request body: ${fault}`);
  try {
    return parseJsonText(body.toString());
  } catch (error) {
    throw malformedBody(caller, `could not parse ${noun} from request body: ${(error as Error).message}`);
  }
}
