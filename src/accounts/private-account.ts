// An account of this process alone: a KV server over a file or a store, asked over HTTP by the client that every account is asked with. So what
// a drill restores, and what a server begins with, goes the road that everything goes.

import { randomBytes } from "node:crypto";
import type { BatchSize } from "../core/batch-size.ts";
import type { Clock } from "../core/clock.ts";
import type { BatchPace } from "../kv/batch-ops.ts";
import { type KvClient, openKvClient } from "../kv/kv-client.ts";
import { openServer } from "../server/server.ts";
import type { Store } from "../server/store/store.ts";

export interface PrivateAccount {
  readonly api: KvClient;
  /** For its namespaces. */
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

/** `database`: the path of a file, or a store, which stays the caller's. */
export async function openPrivateAccount(
  clock: Clock,
  { database, accountId }: { readonly database: string | Store; readonly accountId: string },
): Promise<PrivateAccount> {
  // Nobody else on this machine is to read the values meanwhile.
  const token = randomBytes(24).toString("base64url");
  const server = await openServer({ clock, database, token, tellsWhy: true });
  const api = openKvClient({
    clock,
    baseUrl: server.url,
    accountId,
    credentials: { kind: "token", token },
    budget: { requests: Infinity },
    concurrency: REQUESTS_AT_ONCE,
  });
  return {
    api,
    pace: PACE,
    async close() {
      await api.close();
      await server.close();
    },
  };
}
