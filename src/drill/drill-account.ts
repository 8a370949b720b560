// What a drill restores into: an embedded server over a file, asked over HTTP by the client that every account is asked with.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { BatchSize } from "../core/batch-size.ts";
import type { Clock } from "../core/clock.ts";
import type { BatchPace } from "../kv/batch-ops.ts";
import type { NamespaceId } from "../kv/kv-api.ts";
import { type KvClient, openKvClient } from "../kv/kv-client.ts";
import { openServer } from "../server/server.ts";

export interface DrillAccount {
  readonly api: KvClient;
  readonly namespaceId: NamespaceId;
  readonly pace: BatchPace;
  close(): Promise<void>;
}

/** Client and server share the memory of one process, where each request under way costs several times its bytes. */
const REQUESTS_AT_ONCE = 1;
/** Batches of at most 6 MB and 625 keys, whatever comes of them. */
const SMALL_BATCH: BatchSize = { share: 1 / 16, safe: 1 / 16 };
const PACE: BatchPace = {
  get size() {
    return SMALL_BATCH;
  },
  set size(_learned) {
    // A server of our own takes all of them.
  },
};

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
    return { api, namespaceId: id, pace: PACE, close };
  } catch (error) {
    await close();
    throw error;
  }
}
