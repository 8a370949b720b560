// A namespace on the embedded server, for tests of what is moved in and out of it.

import type { Clock } from "../../../src/core/clock.ts";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import type { KvClient } from "../../../src/kv/kv-client.ts";
import { listAllKeys } from "../../../src/kv/list-all-keys.ts";
import type { PairToWrite } from "../../../src/kv/write-pairs.ts";
import type { FaultPlan } from "../../../src/server/faults.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { collect, keyOf } from "../../support/values.ts";
import { openTestClient } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";

export interface Transfer extends AsyncDisposable {
  readonly clock: Clock;
  readonly api: KvClient;
  readonly namespaceId: NamespaceId;
  readonly server: TestServer;
  /** Names in the namespace, as listed. */
  names(): Promise<string[]>;
  /** The value of a key as it is there now, whatever faults are set. */
  value(key: string): Promise<Buffer | undefined>;
}

export async function openTransfer(faults: FaultPlan = {}): Promise<Transfer> {
  const clock = new HurriedClock({ now: Date.now() });
  const server = await startTestServer({ clock, validate: false });
  const api = openTestClient(server.url, { clock });
  const { id } = await api.createNamespace("transfer");
  server.setFaults(faults);
  return {
    clock,
    api,
    namespaceId: id,
    server,
    names: async () => (await collect(listAllKeys({ clock, api }, { namespaceId: id }))).map((key) => key.name),
    value: async (key) => {
      server.setFaults({});
      const stream = await api.readValue(id, keyOf(key));
      return stream === undefined ? undefined : Buffer.from(await stream.bytes());
    },
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server.close();
    },
  };
}

export function pairOf(key: string, value: string | Uint8Array, rest: Partial<PairToWrite> = {}): PairToWrite {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return {
    key: keyOf(key),
    bytes,
    metadata: undefined,
    expiration: undefined,
    ttlSeconds: undefined,
    tag: undefined,
    ...rest,
  };
}

/** `count` pairs in pages of `pageSize`, made as they are asked for. */
export async function* manyPairs(
  count: number,
  make: (i: number) => PairToWrite,
  pageSize = 1000,
): AsyncGenerator<readonly PairToWrite[], void> {
  for (let at = 0; at < count; at += pageSize)
    yield Array.from({ length: Math.min(pageSize, count - at) }, (_, i) => make(at + i));
}
