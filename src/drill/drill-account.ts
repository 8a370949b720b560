// What a drill restores into: an embedded server over a file, asked over HTTP by the client that every account is asked with.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { NamespaceId } from "../kv/kv-api.ts";
import { type KvClient, openKvClient } from "../kv/kv-client.ts";
import { openServer } from "../server/server.ts";

export interface DrillAccount {
  readonly api: KvClient;
  readonly namespaceId: NamespaceId;
  close(): Promise<void>;
}

/** Client and server share the memory of one process: each request at a time may cost several times its value. */
const REQUESTS_AT_ONCE = 2;

export async function openDrillAccount(clock: Clock, folder: string): Promise<DrillAccount> {
  // Nobody else on this machine is to read the values meanwhile.
  const token = randomBytes(24).toString("base64url");
  const server = await openServer({ clock, database: join(folder, "kv.sqlite"), token });
  const api = openKvClient({
    clock,
    baseUrl: server.url,
    accountId: "drill",
    credentials: { kind: "token", token },
    budget: { requests: Infinity },
    concurrency: REQUESTS_AT_ONCE,
  });
  const close = async (): Promise<void> => {
    await api.close();
    await server.close();
  };
  try {
    const { id } = await api.createNamespace("drill");
    return { api, namespaceId: id, close };
  } catch (error) {
    await close();
    throw error;
  }
}
