// The embedded server for real clients: on a free port of loopback, with a token and a database of its own. The project
// "peers-on-postgres" gives it a schema of PostgreSQL.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/system-clock.ts";
import { openServer } from "../../src/server/server.ts";
import { projectStore } from "../support/project-store.ts";

export const TOKEN = "peer-token";
export const ACCOUNT_ID = "0123456789abcdef0123456789abcdef";

export interface EmbeddedServer {
  /** Ends with `/client/v4`. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startEmbeddedServer(): Promise<EmbeddedServer> {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-peers-"));
  const store = await projectStore(systemClock);
  const database = store ?? join(folder, "kv.sqlite");
  const server = await openServer({ clock: systemClock, database, port: 0, token: TOKEN });
  return {
    url: server.url,
    async close() {
      await server.close();
      await store?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The result of one call of the API, made by hand: what a test asserts through must not be what it tests. */
export async function call<T>(url: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  const { result }: { result: T } = JSON.parse(text);
  return result;
}

export async function createNamespace(url: string, title: string): Promise<string> {
  return (await call<{ id: string }>(url, "POST", "", { title })).id;
}
