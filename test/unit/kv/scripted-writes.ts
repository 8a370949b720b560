// A server that answers bulk writes as a test says, and what writes pairs to it.

import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { openTestClient } from "./client-fixture.ts";
import { type Script, startScriptedServer } from "./scripted-server.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

interface SentPair {
  readonly key: string;
  readonly value: string;
  readonly base64?: boolean;
}

/** A server that sees bulk writes only, and tells which keys it was sent with each. */
export async function openScriptedWrites(script: (pairs: readonly SentPair[], ...rest: Parameters<Script>) => void) {
  const sent: (readonly string[])[] = [];
  const server = await startScriptedServer((request, response, number) => {
    const pairs = request.target.endsWith("/bulk") ? (JSON.parse(request.body.toString()) as SentPair[]) : [];
    sent.push(pairs.map((pair) => pair.key));
    script(pairs, request, response, number);
  });
  const clock = new HurriedClock();
  const api = openTestClient(server.url, { clock });
  return {
    server,
    sent,
    clock,
    deps: { clock, api, namespaceId: id },
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The answer to a bulk write of `count` pairs. */
export const done = (count: number, unsuccessful: readonly string[] = []): object => ({
  successful_key_count: count - unsuccessful.length,
  unsuccessful_keys: unsuccessful,
});
