// One request from its head to its reply: routed, allowed, struck by faults, read, carried out.

import type { IncomingMessage } from "node:http";
import { type Clock, type DurationMs, toEpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { type Answer, gatewayPage, success } from "./answer.ts";
import { authorise } from "./auth.ts";
import { describeError } from "./describe-error.ts";
import type { FaultState } from "./fault-state.ts";
import { type CheckedPlan, parseFaultPlan } from "./faults.ts";
import type { OperationRequest } from "./operations/operation.ts";
import type { CountedOperation } from "./operation-name.ts";
import { findOperation, type TableEntry } from "./operations/table.ts";
import { internalError, methodNotAllowed, Refusal, rateLimited, refuse, unavailable } from "./refusal.ts";
import { readBody } from "./request-body.ts";
import { parseTarget, type Route } from "./route.ts";
import { StoreUnavailable } from "./store/store.ts";

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly token: string | undefined;
  readonly strictIds: boolean;
  readonly testApi: boolean;
  /** The present plan's; it may change between two requests. */
  faults(): FaultState;
  setFaults(plan: CheckedPlan): void;
  count(operation: CountedOperation): void;
  log(line: string): void;
}

/** What goes back to the client, and how much of it. */
export interface Reply {
  readonly answer: Answer;
  readonly delivery: "whole" | "truncated" | "reset";
  readonly delayMs: DurationMs;
  /** Undefined: it was not read. */
  readonly requestBody: Buffer | undefined;
}

/** Works out the reply to `request`. Rejects only if the client went away while its body was read. */
export async function reply(deps: ExchangeDeps, request: IncomingMessage): Promise<Reply> {
  let rateHeaders = {};
  try {
    const method = request.method ?? "GET";
    const asked = find(deps, request.url ?? "/", method);
    const credential = authorise(request.headers, deps.token);
    if (asked === undefined) return await setFaults(deps, request, method);
    const verdict = deps.faults().rateLimit(credential);
    rateHeaders = verdict.headers;
    if (verdict.retryAfterSeconds !== undefined) throw rateLimited(verdict.retryAfterSeconds);
    const done = await carryOut(deps, request, asked);
    return { ...done, answer: withHeaders(done.answer, rateHeaders) };
  } catch (error) {
    if (error instanceof ClientGone) throw error;
    return whole(withHeaders(answerTo(error, deps), rateHeaders), undefined);
  }
}

/** A client that closed its connection in the middle of its request. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

interface Asked {
  readonly route: Route;
  readonly entry: TableEntry;
}

async function carryOut(deps: ExchangeDeps, request: IncomingMessage, { route, entry }: Asked): Promise<Reply> {
  const faults = deps.faults();
  const { answer, applied, delayMs, meddling } = faults.interfere(
    entry.operation,
    changesSomething(entry, request.method),
  );
  if (!applied && answer === "reset")
    return { answer: gatewayPage(502, "Bad Gateway"), delivery: "reset", delayMs, requestBody: undefined };
  const body = await bodyOf(request);
  if (body === undefined) return whole(gatewayPage(413, "Request Entity Too Large"), undefined, delayMs);
  if (!applied && typeof answer === "object") return whole(answer, body, delayMs);
  const own = await run(deps, faults, entry, {
    route,
    query: new URLSearchParams(route.query),
    contentType: request.headers["content-type"],
    body,
    now: toEpochSeconds(deps.clock.now()),
    meddling,
  });
  if (typeof answer === "object") return whole(answer, body, delayMs);
  return { answer: own, delivery: answer ?? "whole", delayMs, requestBody: body };
}

/** A bulk get is a POST, and only reads. */
function changesSomething({ operation }: TableEntry, method: string | undefined): boolean {
  return method !== "GET" && method !== "HEAD" && operation !== "bulkGet";
}

async function run(
  deps: ExchangeDeps,
  faults: FaultState,
  { handler }: TableEntry,
  request: OperationRequest,
): Promise<Answer> {
  const { store, limits } = faults;
  try {
    return await handler({ store, limits, strictIds: deps.strictIds }, request);
  } catch (error) {
    return answerTo(error, deps);
  }
}

/** The test API: replaces the fault plan. It is struck by no fault itself. */
async function setFaults(deps: ExchangeDeps, request: IncomingMessage, method: string): Promise<Reply> {
  if (method !== "PUT") throw methodNotAllowed(method);
  const body = await bodyOf(request);
  try {
    deps.setFaults(parseFaultPlan(JSON.parse(body?.toString() ?? "")));
  } catch (error) {
    if (error instanceof AppError || error instanceof SyntaxError) throw refuse(400, 10012, error.message);
    throw error;
  }
  return whole(success("null"), body);
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

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return await readBody(request);
  } catch (cause) {
    throw new ClientGone("the client went away", { cause });
  }
}

function answerTo(error: unknown, deps: ExchangeDeps): Answer {
  if (error instanceof Refusal) return error.answer;
  deps.log(`error: ${describeError(error)}`);
  return (error instanceof StoreUnavailable ? unavailable() : internalError()).answer;
}

function whole(answer: Answer, requestBody: Buffer | undefined, delayMs: DurationMs = 0): Reply {
  return { answer, delivery: "whole", delayMs, requestBody };
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
