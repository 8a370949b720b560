// The bulk calls: write, delete (both forms), get.

import { isUtf8 } from "node:buffer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Body, type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

const jsonType = { "content-type": "application/json" };

async function refused(method: string, path: string, body: unknown): Promise<[number, number, string]> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await kv.call(method, `/${kv.id}${path}`, { body: text, headers: jsonType });
  const { success, result, errors } = JSON.parse(answer.text);
  expect([success, result]).toEqual([false, null]);
  return [answer.status, errors[0].code, errors[0].message];
}

describe("a bulk write", () => {
  it("stores values, text and binary, with metadata and expiration", async () => {
    const answer = await kv.json("PUT", "/bulk", [
      { key: "text", value: "é\u0000😀" },
      { key: "bytes", value: "AAEC/w==", base64: true, metadata: [1, null, { a: "é" }] },
      { key: "ttl", value: "", expiration_ttl: 4e9, expiration: 1 },
      { key: "at", value: "v", expiration: 4_000_000_000.9, extra: {} },
      { key: "a/b c+%", value: "x", base64: false },
    ]);
    expect(answer).toEqual({
      result: { successful_key_count: 5, unsuccessful_keys: [] },
      success: true,
      errors: [],
      messages: [],
    });
    expect(await kv.get("text")).toBe("é\u0000😀");
    expect((await kv.call("GET", `/${kv.id}/values/bytes`)).bytes).toEqual(Buffer.from([0, 1, 2, 255]));
    const listed = await kv.json("GET", "/keys");
    expect(listed.result).toEqual([
      { name: "a/b c+%" },
      { name: "at", expiration: 4_000_000_000 },
      { name: "bytes", metadata: [1, null, { a: "é" }] },
      { name: "text" },
      { name: "ttl", expiration: expect.any(Number) },
    ]);
    expect((await kv.call("GET", `/${kv.id}/values/at`)).headers["expiration"]).toBe("4000000000");
  });

  it("takes null for a property that is not there", async () => {
    const lenient = await openKv({ validate: false }); // the OpenAPI knows no such null
    await lenient.json("PUT", "/bulk", [
      { key: "k", value: "v", expiration: null, expiration_ttl: null, base64: null, metadata: null },
    ]);
    expect((await lenient.json("GET", "/keys")).result).toEqual([{ name: "k" }]);
    await lenient.close();
  });

  it("replaces what was there, and nothing of it stays", async () => {
    await kv.json("PUT", "/bulk", [{ key: "k", value: "a longer value", metadata: 1, expiration_ttl: 100 }]);
    await kv.json("PUT", "/bulk", [{ key: "k", value: "v" }]);
    expect((await kv.json("GET", "/keys")).result).toEqual([{ name: "k" }]);
    expect(await kv.get("k")).toBe("v");
  });

  it("of nothing succeeds", async () => {
    expect((await kv.json("PUT", "/bulk", [])).result).toEqual({ successful_key_count: 0, unsuccessful_keys: [] });
  });

  it("counts a key once that is twice the same, and refuses one that is not", async () => {
    const same = { key: "k", value: "v", metadata: { a: 1 } };
    const answer = await kv.json("PUT", "/bulk", [same, { key: "j", value: "v" }, { ...same }]);
    expect(answer.result.successful_key_count).toBe(2);
    for (const other of [{ value: "w" }, { metadata: { a: 2 } }, { expiration_ttl: 60 }]) {
      const [status, code, message] = await refused("PUT", "/bulk", [same, { ...same, ...other }]);
      expect([status, code]).toEqual([400, 10012]);
      expect(message).toContain('received duplicate key with different values or expiration parameters: "k"');
    }
  });

  it("takes 10,000 pairs and not one more", async () => {
    const pairs = Array.from({ length: 10_001 }, (_, i) => ({ key: `k${10_000 - i}`, value: `${i}` }));
    const [status, code, message] = await refused("PUT", "/bulk", pairs);
    expect([status, code]).toEqual([400, 10012]);
    expect(message).toBe("bulk put: 'received 10001 key/value pairs, but max allowed per request is: 10000'");
    expect((await kv.json("PUT", "/bulk", pairs.slice(1))).result.successful_key_count).toBe(10_000);
    expect([await kv.get("k0"), await kv.get("k9999"), await kv.get("k10000")]).toEqual(["10000", "1", undefined]);
  });

  it.each([
    ["a key that is too long", { key: "x".repeat(513), value: "v" }, 414, 10030],
    ["the key .", { key: ".", value: "v" }, 400, 10042],
    ["the key ..", { key: "..", value: "v" }, 400, 10042],
    ["an empty key", { key: "", value: "v" }, 400, 10042],
    ["a lone surrogate in a key", { key: "\uD800", value: "v" }, 400, 10042],
    ["no key", { value: "v" }, 400, 10012],
    ["no value", { key: "k" }, 400, 10012],
    ["a value that is a number", { key: "k", value: 1 }, 400, 10012],
    ["a value that is an object", { key: "k", value: {} }, 400, 10012],
    ["base64 that is no boolean", { key: "k", value: "v", base64: "true" }, 400, 10012],
    ["a time to live that is text", { key: "k", value: "v", expiration_ttl: "60" }, 400, 10012],
    ["a time to live under 60 s", { key: "k", value: "v", expiration_ttl: 59 }, 400, 10034],
    ["an expiration in the past", { key: "k", value: "v", expiration: 5 }, 400, 10033],
    ["metadata over 1,024 bytes", { key: "k", value: "v", metadata: "x".repeat(1023) }, 413, 10047],
    ["a value over 25 MiB", { key: "k", value: "x".repeat(26_214_401) }, 413, 10024],
    ["a value over 25 MiB in bytes", { key: "k", value: "é".repeat(13_107_201) }, 413, 10024],
    ["null", null, 400, 10012],
    ["a string", "k", 400, 10012],
  ])("with %s writes nothing at all", async (_, item, status, code) => {
    expect((await refused("PUT", "/bulk", [{ key: "good", value: "v" }, item])).slice(0, 2)).toEqual([status, code]);
    expect(await kv.names()).toEqual([]);
  });

  it.each(["{}", '{"key":"k","value":"v"}', "null", "[", "", "key"])("%j is no array of pairs", async (body) => {
    expect((await refused("PUT", "/bulk", body)).slice(0, 2)).toEqual([400, 10012]);
  });

  it("over 100 MiB meets a page of the gateway", async () => {
    const body = Buffer.alloc(100 * 1024 * 1024 + 1, "x");
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const answer = await kv.call("PUT", `/${kv.id}/bulk`, { body, headers });
      expect([answer.status, answer.headers["content-type"]]).toEqual([413, "text/html"]);
      expect(answer.text).toContain("413 Request Entity Too Large");
    }
  });
});

describe("base64", () => {
  it.each([
    ["", ""],
    ["aGVsbG8=", "hello"],
    ["aGVsbG8", "hello"],
    ["aGk=", "hi"],
    ["aG k\n=\t", "hi"],
    ["YQ==", "a"],
    ["YQ", "a"],
  ])("%j is %j", async (value, text) => {
    await kv.json("PUT", "/bulk", [{ key: "k", value, base64: true }]);
    expect(await kv.get("k")).toBe(text);
  });

  it.each(["a", "aGVsbG8_", "aGV-", "a=", "====", "aGk==", "aGVsbG8=aGk=", "aG!k", "é", "abc=d"])(
    "is not %j",
    async (value) => {
      expect((await refused("PUT", "/bulk", [{ key: "k", value, base64: true }])).slice(0, 2)).toEqual([400, 10012]);
    },
  );
});

describe.each([
  ["POST", "/bulk/delete"],
  ["DELETE", "/bulk"],
])("a bulk delete with %s %s", (method, path) => {
  it("deletes, and counts keys that were not there", async () => {
    await kv.json(
      "PUT",
      "/bulk",
      ["a", "b/c", "d"].map((key) => ({ key, value: "v" })),
    );
    const answer = await kv.json(method, path, ["a", "b/c", "missing", "a"]);
    expect(answer.result).toEqual({ successful_key_count: 3, unsuccessful_keys: [] });
    expect(await kv.names()).toEqual(["d"]);
    expect((await kv.json(method, path, [])).success).toBe(true);
  });

  it("takes 10,000 keys and not one more", async () => {
    const keys = Array.from({ length: 10_001 }, (_, i) => `k${i}`);
    const [status, code, message] = await refused(method, path, keys);
    expect([status, code]).toEqual([400, 10012]);
    expect(message).toBe("bulk remove keys: 'received 10001 keys, but max allowed per request is: 10000'");
    expect((await kv.json(method, path, keys.slice(1))).result.successful_key_count).toBe(10_000);
  });

  it.each(["{}", "[1]", '[{"name":"a"}]', "", "[null]"])("is refused the body %j", async (body) => {
    expect((await refused(method, path, body)).slice(0, 2)).toEqual([400, 10012]);
  });
});

describe("a bulk get", () => {
  const get = (body: unknown): Promise<Body> => kv.json("POST", "/bulk/get", body);

  beforeEach(async () => {
    await kv.json("PUT", "/bulk", [
      { key: "text", value: 'é"\n\u0000😀\uFEFF' },
      { key: "json", value: ' {"a": [1, 2]} ', metadata: { m: 1 }, expiration: 4_000_000_000 },
      { key: "__proto__", value: "5" },
      { key: "binary", value: "/w==", base64: true },
    ]);
  });

  it("answers text by default, null for what is missing, and each key once", async () => {
    const { result } = await get({ keys: ["text", "nope", "__proto__", "text"] });
    expect(Object.entries(result.values)).toEqual([
      ["text", 'é"\n\u0000😀\uFEFF'],
      ["nope", null],
      ["__proto__", "5"],
    ]);
  });

  it.each([
    ["", ""],
    ["the replacement character itself", "efbfbd"],
    ["NUL, and what JSON must escape", "00011f7f225c2f0a0d09"],
    ["what scripts take for line ends, and a BOM", "e280a8e280a9efbbbf"],
    ["characters of two, three and four bytes", "c3a9e282acf09f9880"],
    ["half of a character", "e282"],
    ["a surrogate", "eda080"],
    ["an overlong NUL", "c080"],
    ["beyond the last character", "f4908080"],
    ["a lone continuation byte beside the replacement character", "efbfbd80"],
  ])("tells text from bytes that are none: %s", async (_, hex) => {
    const bytes = Buffer.from(hex, "hex");
    await kv.put("any", bytes);
    if (isUtf8(bytes)) expect((await get({ keys: ["any"] })).result.values).toEqual({ any: bytes.toString() });
    else expect((await refused("POST", "/bulk/get", { keys: ["any"] })).slice(0, 2)).toEqual([400, 10029]);
  });

  it("adds metadata and expiration if asked", async () => {
    const { result } = await get({ keys: ["text", "json", "nope"], type: "text", withMetadata: true });
    expect(result.values).toEqual({
      text: { value: 'é"\n\u0000😀\uFEFF', metadata: null },
      json: { value: ' {"a": [1, 2]} ', metadata: { m: 1 }, expiration: 4_000_000_000 },
      nope: null,
    });
  });

  it("parses JSON if asked", async () => {
    expect((await get({ keys: ["json", "__proto__"], type: "json" })).result.values.json).toEqual({ a: [1, 2] });
    await kv.put("array", "[1]");
    expect((await get({ keys: ["array"], type: "json" })).result.values).toEqual({ array: [1] });
  });

  it.each([
    ["no key", { keys: [] }, 400, 10029],
    ["101 keys", { keys: Array.from({ length: 101 }, (_, i) => `k${i}`) }, 400, 10029],
    ["a binary value among others", { keys: ["text", "binary"] }, 400, 10029],
    ["text that is no JSON", { keys: ["text"], type: "json" }, 400, 10029],
    ["an unknown type", { keys: ["text"], type: "arrayBuffer" }, 400, 10029],
    ["the key ..", { keys: [".."] }, 400, 10029],
    ["no keys property", {}, 400, 10012],
    ["an array", ["text"], 400, 10012],
    ["keys that are no strings", { keys: [1] }, 400, 10012],
    ["withMetadata that is no boolean", { keys: ["text"], withMetadata: 1 }, 400, 10012],
    ["no JSON", "{", 400, 10012],
  ])("of %s is refused as a whole", async (_, body, status, code) => {
    expect((await refused("POST", "/bulk/get", body)).slice(0, 2)).toEqual([status, code]);
  });

  it("returns at most 25 MiB", async () => {
    await kv.put("most", Buffer.alloc(26_214_400, "x"));
    expect((await get({ keys: ["most"] })).result.values.most).toHaveLength(26_214_400);
    expect((await refused("POST", "/bulk/get", { keys: ["most", "text"] })).slice(0, 2)).toEqual([413, 10029]);
  });
});
