// One request from its head to its reply: routed, allowed, struck by faults, read, carried out.

import type { IncomingMessage } from "node:http";
import { type Clock, type DurationMs, toEpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Access, Authorised } from "./access/access.ts";
import { type Change, type ChangeOperation, type ChangeRecorder, recordChange } from "./access/recorded-change.ts";
import { visibleStore } from "./access/visible-store.ts";
import { type Answer, gatewayPage, success } from "./answer.ts";
import { type AnswerRoom, openAnswerRoom } from "./answer-room.ts";
import type { AnsweredExchange } from "./answered-exchange.ts";
import { ClientGone } from "./client-gone.ts";
import { describeError } from "./describe-error.ts";
import type { FaultState } from "./fault-state.ts";
import { type CheckedPlan, parseFaultPlan } from "./faults.ts";
import { type ArrivingRequest, checkAsker, type OperationDeps } from "./operations/operation.ts";
import type { CountedOperation } from "./operation-name.ts";
import { findOperation, type TableEntry } from "./operations/table.ts";
import {
  authenticationError,
  internalError,
  methodNotAllowed,
  Refusal,
  rateLimited,
  refuse,
  unavailable,
} from "./refusal.ts";
import { openBody } from "./request-body.ts";
import { parseTarget, type Route } from "./route.ts";
import type { ServerMemory } from "./server-memory.ts";
import { StoreUnavailable } from "./store/store.ts";

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly access: Access;
  readonly strictIds: boolean;
  readonly testApi: boolean;
  /** See ServerOptions. */
  readonly tellsWhy: boolean;
  readonly memory: ServerMemory;
  readonly onAnswer: ((exchange: AnsweredExchange) => void) | undefined;
  /** The present plan's; it may change between two requests. */
  faults(): FaultState;
  setFaults(plan: CheckedPlan): void;
  count(operation: CountedOperation): void;
  log(line: string): void;
  /** Told of what the server itself fails at. */
  onFailure(error: unknown): void;
  /** Told of each request that is to change something, and who has sent it, when it is answered. */
  readonly onChange: ((change: Change) => void) | undefined;
}

/** What goes back to the client, and how much of it. */
export interface Reply {
  readonly answer: Answer;
  readonly delivery: "whole" | "truncated" | "reset";
  readonly delayMs: DurationMs;
  /** Undefined: it was not read, or nobody wants to know it. */
  readonly requestBody: Buffer | undefined;
  /** To be left when the answer has. */
  readonly room?: AnswerRoom;
}

/** Works out the reply to `request`. Rejects only if the client went away while its body was read. */
export async function reply(deps: ExchangeDeps, request: IncomingMessage): Promise<Reply> {
  let headers = {};
  let recorder: ChangeRecorder | undefined;
  const ended = (done: Reply): Reply => {
    if (recorder !== undefined) deps.onChange?.(recorder.ended(deps.clock.now(), done.answer.status));
    return { ...done, answer: withHeaders(done.answer, headers) };
  };
  try {
    const method = request.method ?? "GET";
    const asked = find(deps, request.url ?? "/", method);
    const asker = deps.access.authorise(request);
    if (asked === undefined) {
      if (!asker.rights.seesAll || !asker.rights.mayChange) throw authenticationError("this token may not do that");
      return await setFaults(deps, request, method);
    }
    const change = changeOf(asked.entry, request.method);
    if (change !== undefined && deps.onChange !== undefined) recorder = recordChange(change, asked.route, asker);
    checkRights(asker, asked.route, change);
    const verdict = deps.faults().rateLimit(asker.countedAs);
    const feed = asked.route.namespaceId !== "" && deps.faults().offersFeed ? FEED_HEADER : {};
    headers = { ...verdict.headers, ...feed };
    if (verdict.retryAfterSeconds !== undefined) throw rateLimited(verdict.retryAfterSeconds);
    return ended(await carryOut(deps, request, asked, asker, recorder));
  } catch (error) {
    if (error instanceof ClientGone) throw error;
    const delayMs = error instanceof Refusal ? error.delayMs : 0;
    return ended(whole(answerTo(error, deps), undefined, delayMs));
  }
}

/** Of what a token may do, all that can be told without a look at the store. */
function checkRights({ rights }: Authorised, { account }: Route, change: ChangeOperation | undefined): void {
  if (account !== "" && !rights.mayUseAccount(account)) throw authenticationError();
  if (change !== undefined && !rights.mayChange) throw authenticationError("this token may only read");
}

/** By it a client knows that it may follow the changes of the namespace that it asked for, or about. */
const FEED_HEADER = { "kvsync-change-feed": "1" };

interface Asked {
  readonly route: Route;
  readonly entry: TableEntry;
}

async function carryOut(
  deps: ExchangeDeps,
  request: IncomingMessage,
  { route, entry }: Asked,
  asker: Authorised,
  recorder: ChangeRecorder | undefined,
): Promise<Reply> {
  const faults = deps.faults();
  const isChange = changeOf(entry, request.method) !== undefined;
  const { answer, applied, delayMs, meddling } = faults.interfere(entry.operation, isChange);
  if (!applied && answer === "reset")
    return { answer: gatewayPage(502, "Bad Gateway"), delivery: "reset", delayMs, requestBody: undefined };
  const body = openBody(request, deps.memory, deps.onAnswer !== undefined);
  const room = openAnswerRoom(deps.memory, request.socket);
  let isHandedOver = false;
  try {
    const arriving: ArrivingRequest = {
      route,
      query: new URLSearchParams(route.query),
      contentType: request.headers["content-type"],
      lastEventId: singleHeader(request.headers["last-event-id"]),
      body,
      now: () => toEpochSeconds(deps.clock.now()),
      meddling,
    };
    const visible = visibleStore(faults.store, asker.rights);
    const store = recorder?.watch(visible) ?? visible;
    const { limits, offersFeed } = faults;
    const { strictIds } = deps;
    const isReplaced = typeof answer === "object";
    const own =
      isReplaced && !applied
        ? answer
        : await run(deps, { store, limits, offersFeed, asker, answerRoom: room, strictIds }, entry, arriving);
    if (!(await body.drained())) return whole(gatewayPage(413, "Request Entity Too Large"), undefined, delayMs);
    if (isReplaced) return whole(answer, body.kept(), delayMs);
    room.settle(own);
    isHandedOver = true; // to whoever sends the answer
    return { answer: own, delivery: answer ?? "whole", delayMs, requestBody: body.kept(), room };
  } finally {
    body.close();
    if (!isHandedOver) room.leave();
  }
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** What the request would change; undefined: it only reads. */
function changeOf({ operation }: TableEntry, method: string | undefined): ChangeOperation | undefined {
  if (operation === "namespace") return method === undefined ? undefined : NAMESPACE_CHANGES[method];
  return operation === "write" || operation === "bulkWrite" || operation === "delete" || operation === "bulkDelete"
    ? operation
    : undefined;
}

const NAMESPACE_CHANGES: Readonly<Partial<Record<string, ChangeOperation>>> = {
  POST: "namespaceCreate",
  PUT: "namespaceRename",
  DELETE: "namespaceDelete",
};

async function run(
  deps: ExchangeDeps,
  operationDeps: OperationDeps,
  entry: TableEntry,
  request: ArrivingRequest,
): Promise<Answer> {
  try {
    if ("arriving" in entry) return await entry.arriving(operationDeps, request);
    const body = await request.body.whole();
    // The body may have taken its time.
    checkAsker(operationDeps);
    return await entry.handler(operationDeps, { ...request, body, now: request.now() });
  } catch (error) {
    if (error instanceof ClientGone) throw error;
    return answerTo(error, deps);
  }
}

/** The test API: replaces the fault plan. It is struck by no fault itself. */
async function setFaults(deps: ExchangeDeps, request: IncomingMessage, method: string): Promise<Reply> {
  if (method !== "PUT") throw methodNotAllowed(method);
  const body = openBody(request, deps.memory, deps.onAnswer !== undefined);
  try {
    deps.setFaults(parseFaultPlan(JSON.parse((await body.whole()).toString())));
  } catch (error) {
    if (error instanceof AppError || error instanceof SyntaxError) throw refuse(400, 10012, error.message);
    throw error;
  } finally {
    body.close();
  }
  return whole(success("null"), body.kept());
}

/** What the request asks for; undefined: the test API. Counts it, whatever becomes of it. */
function find(deps: ExchangeDeps, target: string, method: string): Asked | undefined {
  let counted: CountedOperation | undefined = "other";
  try {
    const route = parseTarget(target);
    if (route.kind === "test-faults" && deps.testApi) {
      counted = undefined;
      return undefined;
    }
    const entry = findOperation(route.kind, method);
    counted = entry.operation;
    return { route, entry };
  } finally {
    if (counted !== undefined) deps.count(counted);
  }
}

function answerTo(error: unknown, deps: ExchangeDeps): Answer {
  if (error instanceof Refusal) return error.answer;
  deps.log(`error: ${describeError(error)}`);
  deps.onFailure(error);
  const why = deps.tellsWhy && error instanceof Error ? error.message : undefined;
  return (error instanceof StoreUnavailable ? unavailable(undefined, why) : internalError(why)).answer;
}

function whole(answer: Answer, requestBody: Buffer | undefined, delayMs: DurationMs = 0): Reply {
  return { answer, delivery: "whole", delayMs, requestBody };
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
