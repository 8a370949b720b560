// What the status page's server answers to which request: its files, the stream of events, requests to the daemon, and logging in and out.

import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "../../core/errors.ts";
import { parseRequest } from "../control/parse-request.ts";
import type { ControlRequest } from "../control/protocol.ts";
import { failure, settleAnswer } from "../control/settle-answer.ts";
import type { DaemonListener } from "../daemon-event.ts";
import type { EventStreams } from "./event-streams.ts";
import { renderLoginForm, renderLoginHelp } from "./login-form.ts";
import type { LoginLinks } from "./login-links.ts";
import { type Asset, isAssetPath } from "./page-assets.ts";
import { html, json, readBody, type Reply, text } from "./page-exchange.ts";
import { cookiesOf, hostFault, isOverHttps, isReadOpen, originFault, type PageNames, siteFault } from "./page-guard.ts";
import { FORM_HEADERS } from "./page-headers.ts";
import { isToken } from "./page-token.ts";
import { OP_CLASSES, ROWS_MAX } from "./op-classes.ts";
import { type Session, SESSION_MS_MAX, type Sessions } from "./sessions.ts";
import { streamTo } from "./stream-response.ts";

export interface RouteDeps {
  readonly names: PageNames;
  /** Of the cookie that has the session's id. */
  readonly cookie: string;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly links: LoginLinks;
  readonly sessions: Sessions;
  readonly streams: EventStreams;
  /** The one handler of the daemon's requests. */
  readonly handle: (request: ControlRequest) => Promise<unknown>;
  readonly onEvent: DaemonListener;
  readonly onBug: (error: unknown) => void;
}

/** Undefined: it has been answered, by a stream. Rejects if the connection breaks. */
export async function route(
  deps: RouteDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply | undefined> {
  const { method = "", url = "", headers, socket } = request;
  const [path = "", query = ""] = url.split(/\?(.*)/s, 2);
  // Node takes the first of several, a proxy before it perhaps another one (RFC 9112, 3.2).
  if (request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length > 1)
    return text(400, "a request has one Host");
  const wrongHost = hostFault(headers.host, deps.names, socket.localAddress);
  const isGet = method === "GET" || method === "HEAD";
  if (path === "/api") {
    if (wrongHost !== undefined) return refused(403, wrongHost);
    return method === "POST" ? api(deps, request) : { ...refused(405, "only POST"), headers: { allow: "POST" } };
  }
  if (wrongHost !== undefined) return text(403, wrongHost);
  if (isAssetPath(path)) return isGet ? assetReply(deps.assets.get(path)) : notAllowed("GET, HEAD");
  switch (path) {
    case "/events":
      return isGet ? events(deps, request, response) : notAllowed("GET");
    case "/login":
      if (isGet) return loginForm(new URLSearchParams(query).get("token"));
      return method === "POST" ? login(deps, request) : notAllowed("GET, HEAD, POST");
    case "/logout":
      return method === "POST" ? logout(deps, request) : notAllowed("POST");
    default:
      return text(404, "there is no such page");
  }
}

function assetReply(asset: Asset | undefined): Reply {
  if (asset === undefined) return text(404, "this file of the page was not built: npm run build makes it");
  return { status: 200, ...asset };
}

function notAllowed(allow: string): Reply {
  return text(405, `only ${allow}`, { allow });
}

async function api(deps: RouteDeps, request: IncomingMessage): Promise<Reply> {
  const { headers } = request;
  const wrongOrigin = originFault(headers);
  if (wrongOrigin !== undefined) return refused(403, wrongOrigin);
  if (!/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? ""))
    return refused(415, "a request is of the type application/json");
  const session = sessionOf(deps, headers, true);
  // Beyond loopback nothing is read of who may not ask for anything.
  if (session === undefined && !isReadOpen(deps.names, headers)) return loginNeeded();
  const body = await readBody(request);
  if (body === undefined) return refused(413, "the request is too long");
  let asked: ControlRequest;
  try {
    asked = parseRequest(body);
  } catch (error) {
    if (error instanceof AppError) return json(400, failure(error));
    throw error;
  }
  const opClass = OP_CLASSES[asked.op];
  if (opClass === "socket") return refused(403, `${asked.op} is not for the page`);
  if (opClass !== "read" && session === undefined) return loginNeeded();
  // What a person looked at, and not what has taken its place since.
  if ((asked.op === "approve" || asked.op === "discard") && asked.plan === undefined)
    return refused(400, `${asked.op} must name the plan that was shown`);
  if (asked.op === "resolve" && (asked.local === undefined || asked.remote === undefined))
    return refused(400, "resolve must name both values that were shown");
  const answer = await settleAnswer(() => deps.handle(bounded(asked)), deps.onBug);
  if (opClass === "change") deps.streams.changed();
  return json(200, answer, session === undefined ? withoutContents : undefined);
}

/** What tells of values is for who has logged in: metadata, which programs have written, and fingerprints, by which a short value can be
 * guessed. */
const OF_CONTENTS: ReadonlySet<string> = new Set(["metadata", "fingerprint"]);

function withoutContents(field: string, value: unknown): unknown {
  return OF_CONTENTS.has(field) ? null : value;
}

function bounded(request: ControlRequest): ControlRequest {
  return "limit" in request ? { ...request, limit: Math.min(request.limit, ROWS_MAX) } : request;
}

function loginNeeded(): Reply {
  return json(401, failure(new AppError("unauthorized", "this needs a login", { hint: "kvsync page prints a link" })));
}

function refused(status: number, message: string): Reply {
  return json(status, failure(new AppError("usage", message)));
}

function events(deps: RouteDeps, request: IncomingMessage, response: ServerResponse): Reply | undefined {
  const { headers } = request;
  const wrongSite = siteFault(headers);
  if (wrongSite !== undefined) return text(403, wrongSite);
  const session = sessionOf(deps, headers, true);
  const isOpen = isReadOpen(deps.names, headers);
  if (session === undefined && !isOpen) return text(401, "this needs a login: kvsync page prints a link");
  if (request.method === "HEAD") return text(405, "only GET", { allow: "GET" });
  const lastEventId = headers["last-event-id"];
  return streamTo(response, deps.streams, {
    mayChange: session !== undefined,
    // One that has lost its session asks again, and is told what it may do then.
    mayGoOn: () => session === undefined || !session.isOver(),
    lastEventId: typeof lastEventId === "string" ? lastEventId : undefined,
  });
}

function sessionOf({ sessions, cookie }: RouteDeps, headers: IncomingMessage["headers"], use: boolean) {
  return sessions.find(cookiesOf(headers, cookie), use);
}

function loginForm(token: string | null): Reply {
  if (token !== null && isToken(token)) return html(200, renderLoginForm(token), FORM_HEADERS);
  return html(token === null ? 200 : 400, renderLoginHelp(token === null ? "Log in with a link." : "This is no link."));
}

async function login(deps: RouteDeps, request: IncomingMessage): Promise<Reply> {
  const { headers, socket } = request;
  const wrongOrigin = originFault(headers);
  if (wrongOrigin !== undefined) return text(403, wrongOrigin);
  const body = await readBody(request);
  if (body === undefined) return text(413, "the request is too long");
  const token = new URLSearchParams(body).get("token") ?? "";
  const address = socket.remoteAddress ?? "";
  switch (deps.links.redeem(token, address)) {
    case "refused":
      deps.onEvent({ kind: "page-login-refused", address });
      return html(403, renderLoginHelp("This link was used already, or is older than ten minutes."));
    case "too-many":
      return html(429, renderLoginHelp("Too many links were no good: wait a minute."), { "retry-after": "60" });
    case "good": {
      const id = deps.sessions.begin();
      deps.onEvent({ kind: "page-login", address });
      return { status: 303, headers: { location: "/", "set-cookie": cookieOf(deps, headers, id, SESSION_MS_MAX) } };
    }
  }
}

function logout(deps: RouteDeps, request: IncomingMessage): Reply {
  const { headers } = request;
  const wrongOrigin = originFault(headers);
  if (wrongOrigin !== undefined) return text(403, wrongOrigin);
  let session: Session | undefined;
  while ((session = sessionOf(deps, headers, false)) !== undefined) deps.sessions.end(session);
  deps.streams.review();
  return { status: 303, headers: { location: "/", "set-cookie": cookieOf(deps, headers, "", 0) } };
}

/** The page is served over http; where the browser asks a proxy over https, the cookie is for https alone. That is told by the browser's
 * own Origin, which a request must have here, and not by a header of a proxy, which anybody could send. */
function cookieOf({ cookie }: RouteDeps, headers: IncomingMessage["headers"], id: string, maxAgeMs: number): string {
  const secure = isOverHttps(headers) ? "; Secure" : "";
  return `${cookie}=${id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${Math.floor(maxAgeMs / 1000)}${secure}`;
}
