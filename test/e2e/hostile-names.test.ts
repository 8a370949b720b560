// Hostile and random names, KV to files to KV over real HTTP and real files: every key comes back byte for byte, with value,
// metadata and expiration.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compareUtf8, parseKey } from "../../src/core/key.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { openKvClient } from "../../src/kv/kv-client.ts";
import type { KvApi } from "../../src/kv/kv-api.ts";
import { openNamespaceReplica } from "../../src/replica/namespace/namespace-replica.ts";
import type { Replica } from "../../src/replica/replica.ts";
import { openTreeReplica } from "../../src/replica/tree/tree-replica.ts";
import { HOSTILE_KEYS } from "../conformance/replica-suite.ts";
import { hostileText } from "../support/hostile-text.ts";
import { openPair, round } from "../support/round.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { collect, pagesOf, valueOf } from "../support/values.ts";

const RANDOM_KEYS = 10_000;
const SEED = 20_261_123;

let server: TestServer;
let api: KvApi;
let folder: string;

beforeAll(async () => {
  // The load would only slow the check of each exchange down; the same requests are checked elsewhere.
  server = await startTestServer({ validate: false });
  const credentials = { kind: "token", token: server.token } as const;
  const budget = { requests: Number.POSITIVE_INFINITY };
  api = openKvClient({ clock: systemClock, baseUrl: server.url, accountId: server.accountId, credentials, budget });
  folder = mkdtempSync(join(tmpdir(), "kvsync-hostile-"));
});
afterAll(async () => {
  await api.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openSide(title: string): Promise<Replica> {
  const { id } = await api.createNamespace(title);
  return openNamespaceReplica({ clock: systemClock, api, namespaceId: id, label: title });
}

function hostileKeys(): readonly string[] {
  const random = fc.sample(fc.oneof(hostileText, fc.string({ unit: "binary", maxLength: 40 })), {
    numRuns: RANDOM_KEYS * 2,
    seed: SEED,
  });
  const legal = [...HOSTILE_KEYS, ...random].filter((text) => parseKey(text) !== undefined);
  return [...new Set(legal)].slice(0, RANDOM_KEYS + HOSTILE_KEYS.length).sort(compareUtf8);
}

async function contents(side: Replica): Promise<readonly unknown[]> {
  const listed = await collect(side.list({ onProblem: () => {} }));
  const outcomes = await collect(side.read(pagesOf(listed)));
  return outcomes
    .map((outcome) => {
      if (outcome.kind !== "value") throw new Error(JSON.stringify(outcome));
      const { entry, bytes } = outcome.value;
      return [entry.key, Buffer.from(bytes).toString("base64"), entry.metadata, entry.expiration] as const;
    })
    .sort((a, b) => compareUtf8(a[0], b[0]));
}

it(`${RANDOM_KEYS} hostile keys survive the way to files and back (seed ${SEED})`, { timeout: 240_000 }, async () => {
  const keys = hostileKeys();
  expect(keys.length).toBeGreaterThan(RANDOM_KEYS);
  const [first, second] = [await openSide("first"), await openSide("second")];
  const expiration = Math.floor(systemClock.now() / 1000) + 86_400;
  const writes = keys.map((key, index) => ({
    value: valueOf(systemClock, key, index % 3 === 0 ? Buffer.from([index & 255, 255, 0]) : `value of ${key}`, {
      ...(index % 2 === 0 && { metadata: `{"index":${index}}` }),
      ...(index % 5 === 0 && { expiration }),
    }),
    expected: undefined,
  }));
  await collect(first.write(pagesOf(writes)));

  const tree = openTreeReplica({ clock: systemClock, root: folder, label: folder, durable: false });
  const down = await round(openPair(systemClock, first, tree));
  expect(down).toMatchObject({ written: keys.length, failed: 0 });
  const up = await round(openPair(systemClock, tree, second));
  expect(up).toMatchObject({ written: keys.length, failed: 0 });
  expect(await contents(second)).toEqual(await contents(first));
  expect(await contents(tree)).toEqual(await contents(first));
});
