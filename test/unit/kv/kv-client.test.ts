// The client against the embedded server: every operation does what it says, and asks once.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { systemClock } from "../../../src/core/system-clock.ts";
import type { Namespace, NamespaceId } from "../../../src/kv/kv-api.ts";
import type { KvClient } from "../../../src/kv/kv-client.ts";
import { bodyOfBytes, bodyOfText } from "../../../src/kv/sized-body.ts";
import { HOSTILE_KEYS } from "../../conformance/replica-suite.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { collect, keyOf } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";

let server: TestServer;
let api: KvClient;
let id: NamespaceId;

beforeAll(async () => {
  server = await startTestServer();
  api = openTestClient(server.url, { clock: systemClock });
  id = (await api.createNamespace("client")).id;
});
afterAll(async () => {
  await api.close();
  await server.close();
});

const later = (): EpochSeconds => (Math.floor(Date.now() / 1000) + 3600) as EpochSeconds;
const text = async (key: string): Promise<string | undefined> => {
  const stream = await api.readValue(id, keyOf(key));
  return stream === undefined ? undefined : Buffer.from(await stream.bytes()).toString();
};

describe("namespaces", () => {
  it("are created, found, renamed, listed and deleted", async () => {
    const made = await api.createNamespace("one");
    expect(await api.getNamespace(made.id)).toEqual(made);
    expect(await api.renameNamespace(made.id, "\u00fcber alles")).toEqual({ id: made.id, title: "\u00fcber alles" });
    const listed: Namespace[] = await collect(api.listNamespaces());
    expect(listed.map((namespace) => namespace.title).sort()).toEqual(["client", "\u00fcber alles"]);
    await api.deleteNamespace(made.id);
    expect((await failure(api.getNamespace(made.id))).code).toBe("namespace-not-found");
  });

  it("have titles of their own", async () => {
    expect(await failure(api.createNamespace("client"))).toMatchObject({ code: "namespace-exists", apiCode: 10014 });
  });

  it("that do not exist are told apart from keys that do not", async () => {
    const nowhere = "0123456789abcdef0123456789abcdef" as NamespaceId;
    expect((await failure(api.readValue(nowhere, keyOf("a")))).code).toBe("namespace-not-found");
    expect((await failure(api.listKeys(nowhere, {}))).code).toBe("namespace-not-found");
    expect(await api.readValue(id, keyOf("nothing"))).toBeUndefined();
    expect(await api.readMetadata(id, keyOf("nothing"))).toBeUndefined();
  });

  it.each(["", "..", "ABCDEF0123456789abcdef0123456789", "x/../y", "0123456789abcdef0123456789abcdef/"])(
    "are not asked for by %o, which is no id",
    async (wrong) => {
      const before = api.counts().total;
      expect((await failure(api.deleteNamespace(wrong as NamespaceId))).code).toBe("location-invalid");
      expect(api.counts().total).toBe(before);
    },
  );
});

describe("values", () => {
  it("of any bytes come back as they were", async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255));
    await api.writeValue(id, keyOf("bytes"), bodyOfBytes(bytes.subarray(0, 9), bytes.subarray(9)), {});
    expect(Buffer.from(await (await api.readValue(id, keyOf("bytes")))!.bytes())).toEqual(bytes);
    await api.writeValue(id, keyOf("empty"), bodyOfText(""), {});
    expect(await text("empty")).toBe("");
  });

  it("can be read as a stream, and left half-way", async () => {
    const bytes = Buffer.alloc(3_000_000, 7);
    await api.writeValue(id, keyOf("large"), bodyOfBytes(bytes), {});
    let read = 0;
    for await (const chunk of (await api.readValue(id, keyOf("large")))!.body) read += chunk.byteLength;
    expect(read).toBe(bytes.byteLength);
    for await (const chunk of (await api.readValue(id, keyOf("large")))!.body) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(await text("nothing")).toBeUndefined();
  });

  it("carry metadata and an expiration", async () => {
    const expiration = later();
    const metadata = '{"a":[1,"\u00e9\\"\\r\\n--"]}';
    await api.writeValue(id, keyOf("meta"), bodyOfText("v\r\n--x"), { metadata, expiration });
    expect(await api.readMetadata(id, keyOf("meta"))).toEqual(JSON.parse(metadata));
    expect((await api.readValue(id, keyOf("meta")))?.expiration).toBe(expiration);
    expect(await text("meta")).toBe("v\r\n--x");
    await api.writeValue(id, keyOf("meta"), bodyOfText("w"), { ttlSeconds: 60 });
    expect(await api.readMetadata(id, keyOf("meta"))).toBeNull();
    const { expiration: soon } = (await api.readValue(id, keyOf("meta")))!;
    expect(soon! - Date.now() / 1000).toBeLessThanOrEqual(61);
  });

  it("have any name that is a legal key", async () => {
    for (const key of HOSTILE_KEYS) {
      await api.writeValue(id, keyOf(key), bodyOfText(`value of ${key}`), {});
      expect(await text(key)).toBe(`value of ${key}`);
      await api.deleteValue(id, keyOf(key));
      expect(await text(key)).toBeUndefined();
    }
  });

  it.each([".", "..", "", "x".repeat(513), "\ud800"])("are never asked for by the name %o", async (wrong) => {
    const before = api.counts().total;
    expect((await failure(api.deleteValue(id, wrong as ReturnType<typeof keyOf>))).code).toBe("key-invalid");
    expect((await failure(api.readValue(id, wrong as ReturnType<typeof keyOf>))).code).toBe("key-invalid");
    expect(api.counts().total).toBe(before);
  });

  it("are deleted whether they exist or not", async () => {
    await api.deleteValue(id, keyOf("never was"));
  });
});

describe("bulk operations", () => {
  it("write, read and delete", async () => {
    const pairs = [
      { key: "b/1", value: "text", metadata: { n: 1 }, expiration: later() },
      { key: "b/2", value: "/w==", base64: true },
      { key: "constructor", value: "odd" },
    ];
    expect(await api.bulkWrite(id, bodyOfText(JSON.stringify(pairs)))).toEqual({
      successfulCount: 3,
      unsuccessfulKeys: [],
    });
    const got = await api.bulkGet(id, ["b/1", "constructor", "missing"].map(keyOf));
    expect(got.get("b/1")).toEqual({
      bytes: Buffer.from("text"),
      metadata: { n: 1 },
      expiration: pairs[0]!.expiration,
    });
    expect(got.get("constructor")).toEqual({
      bytes: Buffer.from("odd"),
      metadata: undefined,
      expiration: undefined,
    });
    expect(got.get("missing")).toBeNull();
    expect((await failure(api.bulkGet(id, [keyOf("b/1"), keyOf("b/2")]))).code).toBe("not-text");
    expect(await api.bulkDelete(id, [keyOf("b/1")])).toMatchObject({ unsuccessfulKeys: [] });
    expect(await api.bulkDelete(id, [keyOf("b/2")], { form: "delete" })).toMatchObject({ unsuccessfulKeys: [] });
    expect((await api.listKeys(id, { prefix: "b/" })).keys).toEqual([]);
  });

  it("are refused with the API's own words", async () => {
    const error = await failure(api.bulkWrite(id, bodyOfText('[{"key":"a"}]')));
    expect(error).toMatchObject({ code: "api-error", status: 400, apiCode: 10012 });
    expect(error.message).toMatch(
      /^could not write a batch to namespace [0-9a-f]{32}: the API answered 400: .+\(code 10012\)$/,
    );
  });
});

describe("listings", () => {
  it("come in pages with a cursor, under a prefix", async () => {
    const pairs = Array.from({ length: 25 }, (_, i) => ({ key: `p&=+/${String(i).padStart(2, "0")}`, value: "" }));
    await api.bulkWrite(id, bodyOfText(JSON.stringify([...pairs, { key: "q", value: "" }])));
    const first = await api.listKeys(id, { prefix: "p&=+/", limit: 20 });
    const second = await api.listKeys(id, { prefix: "p&=+/", limit: 20, cursor: first.cursor });
    expect([...first.keys, ...second.keys].map((key) => key.name)).toEqual(pairs.map((pair) => pair.key));
    expect(second.cursor).toBe("");
  });
});

describe("counting", () => {
  it("agrees with the server, request by request and byte by byte", async () => {
    const before = { client: api.counts(), server: server.counts() };
    await api.writeValue(id, keyOf("counted"), bodyOfText("12345"), {});
    await text("counted");
    await api.readMetadata(id, keyOf("counted"));
    await api.listKeys(id, {});
    await api.bulkGet(id, [keyOf("counted")]);
    await api.bulkWrite(id, bodyOfText("[]"));
    await api.bulkDelete(id, [keyOf("counted")]);
    await api.deleteValue(id, keyOf("counted"));
    await api.getNamespace(id);
    const after = { client: api.counts(), server: server.counts() };
    for (const name of [
      "write",
      "read",
      "metadata",
      "list",
      "bulkGet",
      "bulkWrite",
      "bulkDelete",
      "delete",
      "namespace",
    ] as const) {
      expect([name, after.client[name] - before.client[name]]).toEqual([name, 1]);
      expect([name, after.server[name] - before.server[name]]).toEqual([name, 1]);
    }
    expect(after.client.total - before.client.total).toBe(9);
    expect(after.client.retries).toBe(0);
    expect(after.client.bytesUp - before.client.bytesUp).toBe(
      "12345".length +
        JSON.stringify({ keys: ["counted"], type: "text", withMetadata: true }).length +
        '[]["counted"]'.length,
    );
    expect(after.client.bytesDown).toBeGreaterThan(before.client.bytesDown);
  });
});

describe("a client", () => {
  it("needs an address, an account and credentials that can go into a request", () => {
    for (const [baseUrl, options] of [
      ["ftp://x", {}],
      ["nonsense", {}],
      ["https://user:pass@host/client/v4", {}],
      ["https://host/client/v4?x=1", {}],
      [server.url, { accountId: "a/b" }],
      [server.url, { accountId: ".." }],
      [server.url, { credentials: { kind: "token", token: "a\nb" } }],
      [server.url, { credentials: { kind: "token", token: "" } }],
      [server.url, { credentials: { kind: "key", email: "a b", key: "k" } }],
    ] as const) {
      let caught: unknown;
      try {
        openTestClient(baseUrl, options);
      } catch (error) {
        caught = error;
      }
      expect(caught).toMatchObject({ code: "config-invalid" });
      expect((caught as Error).message).not.toMatch(/pass|a\nb/);
    }
  });

  it("works with a trailing slash, and with the legacy key", async () => {
    const other = openTestClient(`${server.url}/`, { credentials: { kind: "key", email: "a@b.c", key: "k" } });
    expect((await other.getNamespace(id)).title).toBe("client");
    await other.close();
    expect((await failure(other.getNamespace(id))).code).toBe("interrupted");
  });

  it("stops when it is told to, with the reason it was given", async () => {
    const reason = new Error("enough");
    expect(await failure(api.listKeys(id, {}, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });
});
