// The official TypeScript SDK on the embedded server: every KV call it has, as its users would write it.

import Cloudflare, { APIError, BadRequestError, NotFoundError, PermissionDeniedError, toFile } from "cloudflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCOUNT_ID, type EmbeddedServer, startEmbeddedServer, TOKEN } from "./embedded-server.ts";

const account_id = ACCOUNT_ID;
let server: EmbeddedServer;
let kv: Cloudflare["kv"]["namespaces"];

beforeAll(async () => {
  server = await startEmbeddedServer();
  kv = client(TOKEN).kv.namespaces;
});

afterAll(() => server.close());

function client(apiToken: string): Cloudflare {
  return new Cloudflare({ apiToken, baseURL: server.url, maxRetries: 0 });
}

async function createNamespace(title: string): Promise<string> {
  return (await kv.create({ account_id, title })).id;
}

async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** The error that `promise` ends in, as what the SDK makes of it. */
async function errorOf(promise: PromiseLike<unknown>): Promise<{ type: unknown; status: number; codes: number[] }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof APIError) {
      return { type: error.constructor, status: error.status ?? 0, codes: error.errors.map(({ code }) => code ?? 0) };
    }
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("namespaces", () => {
  test("are created, read, renamed and deleted", async () => {
    const created = await kv.create({ account_id, title: "mine" });
    expect(created).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      title: "mine",
      supports_url_encoding: true,
    });
    expect(await kv.get(created.id, { account_id })).toEqual(created);
    expect(await kv.update(created.id, { account_id, title: "yours" })).toEqual({ ...created, title: "yours" });
    expect(await errorOf(kv.create({ account_id, title: "yours" }))).toEqual({
      type: BadRequestError,
      status: 400,
      codes: [10014],
    });
    await kv.delete(created.id, { account_id });
    expect(await errorOf(kv.get(created.id, { account_id }))).toEqual({
      type: NotFoundError,
      status: 404,
      codes: [10013],
    });
    expect(await errorOf(kv.delete(created.id, { account_id }))).toEqual({
      type: NotFoundError,
      status: 404,
      codes: [10013],
    });
  });

  test("are all listed, page after page, in the order asked for", async () => {
    const titles = Array.from({ length: 23 }, (_, index) => `page-${index.toString().padStart(2, "0")}`);
    for (const title of titles) await createNamespace(title);
    const listed = await collect(kv.list({ account_id, per_page: 5, order: "title", direction: "desc" }));
    expect(listed.map(({ title }) => title).filter((title) => title.startsWith("page-"))).toEqual(titles.toReversed());
    const byDefault = await collect(kv.list({ account_id }));
    expect(byDefault.length).toBe(listed.length);
    expect(new Set(byDefault.map(({ id }) => id)).size).toBe(listed.length);
  });

  test("without a title are refused", async () => {
    expect(await errorOf(kv.create({ account_id, title: "" }))).toEqual({
      type: BadRequestError,
      status: 400,
      codes: [10019],
    });
  });
});

describe("keys", () => {
  test("are listed in byte order over pages, with what they carry", async () => {
    const namespace = await createNamespace("keys");
    // U+FF5E sorts before U+1F600 in UTF-8, and after it in UTF-16.
    const keys = [
      "a",
      "a/b",
      "a b%+?&",
      "é",
      "\uff5e",
      "\u{1f600}",
      ...Array.from({ length: 40 }, (_, i) => `n${i + 10}`),
    ];
    const expiration = Math.floor(Date.now() / 1000) + 600;
    await kv.bulkUpdate(namespace, {
      account_id,
      body: keys.map((key) => ({ key, value: key, ...(key === "a" ? { metadata: { one: 1 }, expiration } : {}) })),
    });
    const listed = await collect(kv.keys.list(namespace, { account_id, limit: 10 }));
    const inByteOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(listed.map(({ name }) => name)).toEqual(inByteOrder);
    expect(listed[0]).toEqual({ name: "a", expiration, metadata: { one: 1 } });
    expect(listed[1]).toEqual({ name: "a b%+?&" });

    const some = await collect(kv.keys.list(namespace, { account_id, prefix: "n1", limit: 10 }));
    expect(some.map(({ name }) => name)).toEqual(keys.filter((key) => key.startsWith("n1")));
    const page = await kv.keys.list(namespace, { account_id, limit: 10 });
    expect(page.result_info).toMatchObject({ count: 10, cursor: expect.stringMatching(/./) });
    expect(await errorOf(kv.keys.list(namespace, { account_id, cursor: "?" }))).toMatchObject({
      status: 400,
      codes: [10041],
    });
    expect(await errorOf(kv.keys.list(namespace, { account_id, limit: 1001 }))).toMatchObject({
      status: 400,
      codes: [10028],
    });
  });
});

describe("values", () => {
  let namespace_id: string;
  const at = () => ({ account_id, namespace_id });
  beforeAll(async () => (namespace_id = await createNamespace("values")));

  async function bytesOf(key: string): Promise<Buffer> {
    return Buffer.from(await (await kv.values.get(key, at())).arrayBuffer());
  }

  async function listed(key: string): Promise<unknown> {
    return (await collect(kv.keys.list(namespace_id, { account_id, prefix: key })))[0];
  }

  test.each(["plain", "a/b", "a/../b", "...", "a b+%é?&=#", "%2e", "\u{1f600}"])(
    "of key %j are written, read and deleted",
    async (key) => {
      await kv.values.update(key, { ...at(), value: `value of ${key}` });
      const response = await kv.values.get(key, at());
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      expect(response.headers.has("expiration")).toBe(false);
      expect(await response.text()).toBe(`value of ${key}`);
      expect(await kv.metadata.get(key, at())).toBe(null);
      await kv.values.delete(key, at());
      expect(await errorOf(kv.values.get(key, at()))).toEqual({ type: NotFoundError, status: 404, codes: [10009] });
      expect(await errorOf(kv.metadata.get(key, at()))).toEqual({ type: NotFoundError, status: 404, codes: [10009] });
      await kv.values.delete(key, at());
    },
  );

  test.each([".", ".."])("of key %j are refused by the SDK, and the namespace stays", async (key) => {
    await expect(async () => kv.values.delete(key, at())).rejects.toThrow("can't be safely passed");
    expect(await kv.get(namespace_id, { account_id })).toMatchObject({ title: "values" });
  });

  test("of files keep every byte", async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) & 0xff);
    await kv.values.update("file", { ...at(), value: await toFile(bytes, "file.bin"), metadata: '{"from":"file"}' });
    expect((await bytesOf("file")).equals(bytes)).toBe(true);
    expect(await kv.metadata.get("file", at())).toEqual({ from: "file" });
    await kv.values.update("file", { ...at(), value: new File([new Uint8Array(0)], "empty.bin") });
    expect((await bytesOf("file")).length).toBe(0);
    expect(await kv.metadata.get("file", at())).toBe(null);
  });

  test("may be 25 MiB, and not a byte more", async () => {
    const size = 25 * 1024 * 1024;
    await kv.values.update("large", { ...at(), value: await toFile(new Uint8Array(size), "large.bin") });
    expect((await bytesOf("large")).length).toBe(size);
    const error = await errorOf(
      kv.values.update("large", { ...at(), value: await toFile(new Uint8Array(size + 1), "larger.bin") }),
    );
    expect(error.status).toBe(413);
    expect((await bytesOf("large")).length).toBe(size);
    await kv.values.delete("large", at());
  });

  test("may be empty text", async () => {
    await kv.values.update("nothing", { ...at(), value: "" });
    expect((await bytesOf("nothing")).length).toBe(0);
  });

  test("expire, and tell when", async () => {
    const before = Math.floor(Date.now() / 1000);
    await kv.values.update("ttl", { ...at(), value: "v", expiration_ttl: 60 });
    const header = Number((await kv.values.get("ttl", at())).headers.get("expiration"));
    expect(header).toBeGreaterThanOrEqual(before + 60);
    expect(header).toBeLessThanOrEqual(before + 70);
    expect(await listed("ttl")).toEqual({ name: "ttl", expiration: header });
    await kv.values.update("ttl", { ...at(), value: "v", expiration: before + 1000, expiration_ttl: 100 });
    expect(await listed("ttl")).toMatchObject({ expiration: expect.closeTo(before + 100, -1) });
    await kv.values.update("ttl", { ...at(), value: "v" });
    expect(await listed("ttl")).toEqual({ name: "ttl" });
  });

  test("that would expire too soon are refused", async () => {
    const now = Math.floor(Date.now() / 1000);
    const short = kv.values.update("soon", { ...at(), value: "v", expiration_ttl: 59 });
    expect(await errorOf(short)).toEqual({ type: BadRequestError, status: 400, codes: [10034] });
    const past = kv.values.update("soon", { ...at(), value: "v", expiration: now - 1 });
    expect(await errorOf(past)).toEqual({ type: BadRequestError, status: 400, codes: [10033] });
    expect((await errorOf(kv.values.get("soon", at()))).codes).toEqual([10009]);
  });

  test("have metadata that is JSON text; an object is lost on its way, as in production", async () => {
    await kv.values.update("meta", { ...at(), value: "v", metadata: '{"b":[1,{"c":null}],"a":"é"}' });
    expect(await kv.metadata.get("meta", at())).toEqual({ b: [1, { c: null }], a: "é" });
    await kv.values.update("meta", { ...at(), value: "v", metadata: { lost: true } });
    expect(await kv.metadata.get("meta", at())).toBe(null);
    const invalid = kv.values.update("meta", { ...at(), value: "v", metadata: "{not json" });
    expect((await errorOf(invalid)).status).toBe(400);
  });

  test("with metadata of more than 1,024 bytes are refused", async () => {
    const fits = JSON.stringify({ m: "x".repeat(1024 - 8) });
    await kv.values.update("long", { ...at(), value: "v", metadata: fits });
    const over = kv.values.update("long", {
      ...at(),
      value: "w",
      metadata: JSON.stringify({ m: "x".repeat(1025 - 8) }),
    });
    expect((await errorOf(over)).status).toBe(413);
    expect((await bytesOf("long")).toString()).toBe("v");
  });
});

describe("bulk calls", () => {
  test("write, read and delete many", async () => {
    const namespace = await createNamespace("bulk");
    const expiration = Math.floor(Date.now() / 1000) + 3600;
    const body = [
      { key: "text", value: "täxt" },
      { key: "json", value: '{"a":[1,2]}', metadata: { m: 1 }, expiration },
      { key: "binary", value: Buffer.from([0, 0xff]).toString("base64"), base64: true },
    ];
    expect(await kv.bulkUpdate(namespace, { account_id, body })).toMatchObject({ successful_key_count: 3 });

    const keys = ["text", "json", "missing"];
    expect(await kv.bulkGet(namespace, { account_id, keys })).toEqual({
      values: { text: "täxt", json: '{"a":[1,2]}', missing: null },
    });
    expect(await kv.bulkGet(namespace, { account_id, keys: ["json", "missing"], type: "json" })).toEqual({
      values: { json: { a: [1, 2] }, missing: null },
    });
    expect(await kv.bulkGet(namespace, { account_id, keys, withMetadata: true })).toEqual({
      values: {
        text: { value: "täxt", metadata: null },
        json: { value: '{"a":[1,2]}', metadata: { m: 1 }, expiration },
        missing: null,
      },
    });
    const binary = kv.bulkGet(namespace, { account_id, keys: ["text", "binary"] });
    expect(await errorOf(binary)).toEqual({ type: BadRequestError, status: 400, codes: [10029] });
    const notJson = kv.bulkGet(namespace, { account_id, keys: ["text"], type: "json" });
    expect(await errorOf(notJson)).toEqual({ type: BadRequestError, status: 400, codes: [10029] });
    const none = kv.bulkGet(namespace, { account_id, keys: [] });
    expect(await errorOf(none)).toEqual({ type: BadRequestError, status: 400, codes: [10029] });
    const many = kv.bulkGet(namespace, { account_id, keys: Array.from({ length: 101 }, (_, index) => `${index}`) });
    expect(await errorOf(many)).toEqual({ type: BadRequestError, status: 400, codes: [10029] });

    const deleted = await kv.bulkDelete(namespace, { account_id, body: ["text", "json", "never-there"] });
    expect(deleted).toMatchObject({ successful_key_count: 3 });
    expect((await collect(kv.keys.list(namespace, { account_id }))).map(({ name }) => name)).toEqual(["binary"]);
  });

  test("have older names that still work", async () => {
    const namespace = await createNamespace("bulk-aliases");
    const { keys } = kv;
    await keys.bulkUpdate(namespace, { account_id, body: [{ key: "a", value: "1" }] });
    expect(await keys.bulkGet(namespace, { account_id, keys: ["a"] })).toEqual({ values: { a: "1" } });
    expect(await keys.bulkDelete(namespace, { account_id, body: ["a"] })).toMatchObject({ successful_key_count: 1 });
  });

  test("take 10,000 items and no more, all or nothing", async () => {
    const namespace = await createNamespace("bulk-limits");
    const body = Array.from({ length: 10_001 }, (_, index) => ({ key: `k${index}`, value: "v" }));
    expect(await errorOf(kv.bulkUpdate(namespace, { account_id, body }))).toEqual({
      type: BadRequestError,
      status: 400,
      codes: [10012],
    });
    expect(await collect(kv.keys.list(namespace, { account_id }))).toEqual([]);
    await kv.bulkUpdate(namespace, { account_id, body: body.slice(1) });
    expect((await collect(kv.keys.list(namespace, { account_id }))).length).toBe(10_000);
    expect(await kv.bulkUpdate(namespace, { account_id, body: [] })).toMatchObject({ successful_key_count: 0 });
    expect(await kv.bulkDelete(namespace, { account_id, body: body.slice(1).map(({ key }) => key) })).toMatchObject({
      successful_key_count: 10_000,
    });
  });

  test.each([
    ["a key named ..", { key: "..", value: "v" }],
    ["an empty key", { key: "", value: "v" }],
    ["a key of 513 bytes", { key: "k".repeat(513), value: "v" }],
    ["base64 that is none", { key: "k", value: "***", base64: true }],
    ["a time to live of 59 seconds", { key: "k", value: "v", expiration_ttl: 59 }],
    ["metadata of more than 1,024 bytes", { key: "k", value: "v", metadata: "m".repeat(1025) }],
  ])("with %s write nothing at all", async (_, bad) => {
    const namespace = await createNamespace(`bulk-bad-${JSON.stringify(bad).length}-${Math.random()}`);
    const error = await errorOf(kv.bulkUpdate(namespace, { account_id, body: [{ key: "good", value: "v" }, bad] }));
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(500);
    expect(await collect(kv.keys.list(namespace, { account_id }))).toEqual([]);
  });
});

describe("who may call", () => {
  test("a wrong token is denied", async () => {
    const error = await errorOf(client("wrong").kv.namespaces.list({ account_id }));
    expect(error).toEqual({ type: PermissionDeniedError, status: 403, codes: [10000] });
  });
});
