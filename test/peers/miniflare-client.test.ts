// Our client on a server that others wrote: miniflare's REST API, and a Worker that sees the same keys from inside.
// What that peer lacks or does in its own way is in README.md.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json-value.ts";
import { type Key, parseKey } from "../../src/core/key.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { deleteKeys } from "../../src/kv/delete-keys.ts";
import type { ListedKey, NamespaceId } from "../../src/kv/kv-api.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import { parseNamespaceId } from "../../src/kv/namespace-id.ts";
import { bodyOfBytes } from "../../src/kv/sized-body.ts";
import { type PairToWrite, writePairs } from "../../src/kv/write-pairs.ts";
import { type MiniflarePeer, NAMESPACE_ID, NAMESPACE_TITLE, startMiniflare } from "./miniflare.ts";

let peer: MiniflarePeer;
let client: KvClient;
const id = namespaceId(NAMESPACE_ID);
const binary = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff);
const awkward = ["a b+%?&#é", "a/b", "/lead", "trail/", "a//b", "...", "%2e%2E", "\u{1f600}", "constructor"].map(key);

beforeAll(async () => {
  peer = await startMiniflare();
  const credentials = { kind: "token", token: "any" } as const;
  const budget = { requests: 1_000_000, windowMs: 1000 };
  client = openKvClient({ clock: systemClock, baseUrl: peer.url, accountId: "any", credentials, budget });
});

afterAll(async () => {
  await client.close();
  await peer.close();
});

beforeEach(async () => {
  await peer.delete((await listAll()).map(({ name }) => name));
});

function key(text: string): Key {
  const parsed = parseKey(text);
  if (parsed === undefined) throw new Error(`${JSON.stringify(text)} is no key`);
  return parsed;
}

function namespaceId(text: string): NamespaceId {
  const parsed = parseNamespaceId(text);
  if (parsed === undefined) throw new Error(`${text} is no namespace id`);
  return parsed;
}

function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString("base64");
}

async function listAll(query: { readonly prefix?: string; readonly limit?: number } = {}): Promise<ListedKey[]> {
  const keys: ListedKey[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listKeys(id, cursor === undefined ? query : { ...query, cursor });
    keys.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== "");
  return keys;
}

/** What the Worker sees: the value's bytes and its metadata. */
async function seen(...keys: string[]): Promise<unknown[]> {
  const values = await peer.get(keys);
  return values.map((value) => value && [Buffer.from(value.base64, "base64"), value.metadata]);
}

async function* onePage<T>(...items: T[]): AsyncGenerator<readonly T[]> {
  yield items;
}

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

function pair(text: string, bytes: Uint8Array, metadata?: Json): PairToWrite {
  const json = metadata === undefined ? undefined : JSON.stringify(metadata);
  return { key: key(text), bytes, metadata: json, expiration: undefined, ttlSeconds: undefined, tag: undefined };
}

describe("what a Worker wrote", () => {
  test("is listed in byte order over several pages, with metadata and expiration", async () => {
    const before = Math.floor(Date.now() / 1000);
    const names = [...awkward, ...Array.from({ length: 40 }, (_, index) => `n${index}`), "\uff5e"];
    await peer.put(
      names.map((name) => ({ key: name, base64: base64(name), metadata: { of: name }, expirationTtl: 600 })),
    );
    const listed = await listAll({ limit: 10 });
    expect(listed.map(({ name }) => name)).toEqual(
      names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const { name, metadata, expiration } of listed) {
      expect(metadata).toEqual({ of: name });
      expect(expiration).toBeGreaterThanOrEqual(before + 600);
      expect(expiration).toBeLessThanOrEqual(before + 660);
    }
    expect((await listAll({ prefix: "a/" })).map(({ name }) => name)).toEqual(["a//b", "a/b"]);
  });

  test("is read byte by byte, whatever its key is called", async () => {
    await peer.put([
      ...awkward.map((name) => ({ key: name, base64: base64(name) })),
      { key: "bin", base64: base64(binary) },
    ]);
    for (const name of awkward) {
      expect(Buffer.from((await (await client.readValue(id, name))?.bytes()) ?? [])).toEqual(Buffer.from(name));
    }
    expect(Buffer.from((await (await client.readValue(id, key("bin")))?.bytes()) ?? [])).toEqual(Buffer.from(binary));
    expect(await client.readValue(id, key("missing"))).toBe(undefined);
  });
});

describe("what the client writes, a Worker sees", () => {
  test("one at a time, with and without metadata", async () => {
    for (const name of awkward) await client.writeValue(id, name, bodyOfBytes(Buffer.from(name)), {});
    expect(await seen(...awkward)).toEqual(awkward.map((name) => [Buffer.from(name), null]));

    await client.writeValue(id, key("bin"), bodyOfBytes(binary), { metadata: '{"m":["é"]}' });
    await client.writeValue(id, key("empty"), bodyOfBytes(), {});
    expect(await seen("bin", "empty")).toEqual([
      [Buffer.from(binary), { m: ["é"] }],
      [Buffer.alloc(0), null],
    ]);
    await client.writeValue(id, key("bin"), bodyOfBytes(Buffer.from("text")), {});
    expect(await seen("bin")).toEqual([[Buffer.from("text"), null]]);
  });

  test("in bulk: text, control characters, binary and awkward keys, with metadata", async () => {
    const control = Buffer.from(Array.from({ length: 128 }, (_, index) => index));
    const pairs = [
      ...awkward.map((name) => pair(name, Buffer.from(`"${name}"\\\u2028`), { of: name })),
      pair("bin", binary),
      pair("control", control, { m: 1 }),
      pair("empty", Buffer.alloc(0)),
      ...Array.from({ length: 400 }, (_, index) => pair(`n${index}`, Buffer.from(`value ${index}`))),
    ];
    const outcomes = await collect(writePairs({ clock: systemClock, api: client, namespaceId: id }, onePage(...pairs)));
    expect(outcomes.filter(({ kind }) => kind !== "written")).toEqual([]);
    expect(outcomes.length).toBe(pairs.length);
    expect(await seen(...pairs.map((item) => item.key))).toEqual(
      pairs.map(({ bytes, metadata }) => [Buffer.from(bytes), metadata === undefined ? null : JSON.parse(metadata)]),
    );
  });

  test("with a time to live, in bulk", async () => {
    const before = Math.floor(Date.now() / 1000);
    const living = { ...pair("ttl", Buffer.from("v")), ttlSeconds: 600 };
    await collect(writePairs({ clock: systemClock, api: client, namespaceId: id }, onePage(living)));
    const [listed] = await listAll();
    expect(listed?.expiration).toBeGreaterThanOrEqual(before + 600);
    expect(listed?.expiration).toBeLessThanOrEqual(before + 660);
  });

  test("gone after a delete, single or bulk, and again", async () => {
    await peer.put([...awkward, "one", "other"].map((name) => ({ key: name, base64: base64("v") })));
    await client.deleteValue(id, key("one"));
    await client.deleteValue(id, key("one"));
    const deps = { clock: systemClock, api: client, namespaceId: id };
    const outcomes = await collect(deleteKeys(deps, onePage(...awkward, key("never-there"))));
    expect(outcomes.filter(({ kind }) => kind !== "deleted")).toEqual([]);
    expect((await listAll()).map(({ name }) => name)).toEqual(["other"]);
  });
});

describe("where the peer differs, the client", () => {
  test("does not ask for the same page of namespaces for ever", async () => {
    const pages = [];
    for await (const page of client.listNamespaces()) {
      pages.push(page);
      if (pages.length > 3) break;
    }
    expect(pages).toEqual([[{ id: NAMESPACE_ID, title: NAMESPACE_TITLE }]]);
  });

  test("takes a value without its metadata for an error, and not for a value that has none", async () => {
    await peer.put([{ key: "k", base64: base64("v"), metadata: { m: 1 } }]);
    await expect(client.bulkGet(id, [key("k")])).rejects.toMatchObject({ code: "unsupported" });
  });

  test("says so when an operation is not there", async () => {
    await expect(client.readMetadata(id, key("k"))).rejects.toMatchObject({ code: "api-error" });
    await expect(client.getNamespace(id)).rejects.toMatchObject({ code: "api-error" });
  });
});
