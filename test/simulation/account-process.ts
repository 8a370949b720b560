// An account of its own in a process of its own: the embedded server with a token and a limit, which tells the process that started it of
// each request that it has answered. Started by fork: its options are one argument of JSON, and what it tells are messages.

import process from "node:process";
import { systemClock } from "../../src/core/system-clock.ts";
import type { AnsweredExchange } from "../../src/server/answered-exchange.ts";
import { openServer, type ServerOptions } from "../../src/server/server.ts";

export type AccountOptions = Pick<ServerOptions, "token" | "faults">;

export type AccountMessage =
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "answered"; readonly request: AnsweredRequest }
  /** All that was received, whether it was answered or not. */
  | { readonly kind: "counts"; readonly counts: Readonly<Record<string, number>> };

export interface AnsweredRequest {
  readonly operation: "list" | "bulkGet" | "bulkWrite" | "other";
  readonly status: number;
  /** Of a namespace's operations. */
  readonly namespace: string;
  /** That a bulk get asked for, or a bulk write took. */
  readonly keys: readonly string[];
  /** Of a listing: "" is the first page. */
  readonly cursor: string;
}

const OPERATION = /\/namespaces\/([0-9a-f]{32})\/(keys|bulk\/get|bulk)$/;

// Who has gone away is told nothing: the end of the connection ends this process.
const send = (message: AccountMessage): void => void process.send?.(message, undefined, undefined, () => undefined);
const server = await openServer({
  clock: systemClock,
  database: ":memory:",
  testApi: true,
  ...(JSON.parse(process.argv[2]!) as AccountOptions),
  onAnswer: (exchange) => send({ kind: "answered", request: describe(exchange) }),
});
process.on("message", () => send({ kind: "counts", counts: server.counts() }));
process.on("disconnect", () => process.exit());
send({ kind: "listening", url: server.url });

function describe({ method, path, query, requestBody, status }: AnsweredExchange): AnsweredRequest {
  const [, namespace = "", last] = OPERATION.exec(path) ?? [];
  const told = { status, namespace, keys: [], cursor: "" };
  if (last === "keys") return { ...told, operation: "list", cursor: new URLSearchParams(query).get("cursor") ?? "" };
  if (last === "bulk/get") return { ...told, operation: "bulkGet", keys: keysOfGet(requestBody) };
  const written = last === "bulk" && method === "PUT" ? keysOfWrite(requestBody) : [];
  // One without keys is a question for what the token may do.
  if (written.length > 0) return { ...told, operation: "bulkWrite", keys: written };
  return { ...told, operation: "other" };
}

function keysOfGet(body: Buffer | undefined): readonly string[] {
  return (JSON.parse(body!.toString()) as { readonly keys: readonly string[] }).keys;
}

function keysOfWrite(body: Buffer | undefined): readonly string[] {
  return (JSON.parse(body!.toString()) as readonly { readonly key: string }[]).map(({ key }) => key);
}
