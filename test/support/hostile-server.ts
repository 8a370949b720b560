// Servers that take requests and never come to an end with them: for tests of stopping, and of what is waited for.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";

/** `silent`: accepts, and never answers. `drip-head` and `drip-body`: a byte a second. `endless`: page after page of nothing,
 * each with a fresh cursor. */
export const HOSTILITIES = ["silent", "drip-head", "drip-body", "endless"] as const;
export type Hostility = (typeof HOSTILITIES)[number];

export const KNOWLEDGE = ["nothing", "namespaces", "keys"] as const;
export type Knowledge = (typeof KNOWLEDGE)[number];

export interface HostileServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/client/v4` */
  readonly url: string;
  /** Resolves when this many requests, or connections to a server that is silent, have begun. */
  begun(count: number): Promise<void>;
}

const DRIP_MS = 1000;
const NAMESPACE = { id: "0f2ac74b498b48028cb68387c421e279", title: "app" };
const KEYS = ["a", "b", "c", "k"].map((name) => ({ name }));

/** `knows`: what it lists as a good server does, before it is hostile. */
export async function startHostileServer(hostility: Hostility, knows: Knowledge = "nothing"): Promise<HostileServer> {
  let count = 0;
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const began = (): void => {
    count++;
    for (const each of waiting) if (count >= each.count) each.resolve();
  };
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    request.resume();
    if (knows !== "nothing" && isAboutNamespaces(request)) {
      answer(response, [NAMESPACE], { page: 1, per_page: 1000, total_pages: 1, total_count: 1 });
      return;
    }
    if (knows === "keys" && isAboutKeys(request)) {
      answer(response, KEYS, { count: KEYS.length, cursor: "" });
      return;
    }
    began();
    if (hostility === "endless" && isAboutNamespaces(request)) answerNamespaces(response, count);
    else beHostile(hostility, response, count);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    begun: (wanted) =>
      count >= wanted ? Promise.resolve() : new Promise((resolve) => waiting.push({ count: wanted, resolve })),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isAboutNamespaces({ method, url = "" }: IncomingMessage): boolean {
  return method === "GET" && /\/namespaces(\?|$)/.test(url);
}

function isAboutKeys({ method, url = "" }: IncomingMessage): boolean {
  return method === "GET" && /\/keys(\?|$)/.test(url);
}

function beHostile(hostility: Hostility, response: ServerResponse, number: number): void {
  switch (hostility) {
    case "silent":
      return;
    case "drip-head":
      drip(response, "HTTP/1.1 200 OK\r\nx-slow: ", (text) => response.socket?.write(text));
      return;
    case "drip-body":
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000000" });
      drip(response, "{", (text) => response.write(text));
      return;
    case "endless":
      answer(response, [], { cursor: `cursor-${number}`, count: 0 });
  }
}

/** A page that does not say how many there are. */
function answerNamespaces(response: ServerResponse, page: number): void {
  answer(response, [{ id: String(page).padStart(32, "0"), title: `other ${page}` }], { page });
}

function drip(response: ServerResponse, first: string, write: (text: string) => unknown): void {
  write(first);
  const timer = setInterval(() => write(" "), DRIP_MS);
  response.on("close", () => clearInterval(timer));
}

function answer(response: ServerResponse, result: unknown, info: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ result, success: true, errors: [], messages: [], result_info: info }));
}
