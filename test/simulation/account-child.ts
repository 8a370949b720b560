// An account's process, seen from the process that started it: its address, what it answers, and what it has received.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AccountMessage, AccountOptions, AnsweredRequest } from "./account-process.ts";

export interface AccountChild {
  readonly token: string;
  readonly url: string;
  /** The namespaces of its only account. */
  readonly namespacesUrl: string;
  /** Requests received so far, by operation. */
  counts(): Promise<Readonly<Record<string, number>>>;
  /** The result of a request to the API. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  setFaults(faults: NonNullable<AccountOptions["faults"]>): Promise<void>;
  close(): Promise<void>;
}

export const ACCOUNT_ID = "simulated";

export async function startAccount(
  { token, faults }: { readonly token: string; readonly faults?: AccountOptions["faults"] },
  onAnswered: (request: AnsweredRequest) => void,
): Promise<AccountChild> {
  const options = { token, ...(faults !== undefined && { faults }) };
  const child = fork(fileURLToPath(new URL("account-process.ts", import.meta.url)), [JSON.stringify(options)]);
  const ended = once(child, "exit");
  const listening = Promise.withResolvers<string>();
  void ended.then(() => listening.reject(new Error("the server of an account ended")));
  let counted = Promise.withResolvers<Readonly<Record<string, number>>>();
  child.on("message", (message: AccountMessage) => {
    if (message.kind === "listening") listening.resolve(message.url);
    else if (message.kind === "answered") onAnswered(message.request);
    else counted.resolve(message.counts);
  });
  const url = await listening.promise;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const namespacesUrl = `${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces`;
  return {
    token,
    url,
    namespacesUrl,
    counts: () => {
      counted = Promise.withResolvers();
      child.send("counts");
      return counted.promise;
    },
    call: async (method, path, body) => {
      const given = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`${namespacesUrl}${path}`, { method, headers, ...given });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { readonly result: unknown }).result;
    },
    setFaults: async (next) => {
      const response = await fetch(`${url}/__test/faults`, { method: "PUT", headers, body: JSON.stringify(next) });
      if (!response.ok) throw new Error(`the fault plan was answered ${response.status}: ${await response.text()}`);
    },
    close: async () => {
      child.disconnect();
      await ended;
    },
  };
}
