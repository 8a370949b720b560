// Single values: write (raw and multipart), read, delete, metadata, and the limits of each part.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);

describe("a value", () => {
  it.each([undefined, "text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", "*/*"])(
    "is the body as it stands, sent as %s",
    async (type) => {
      const body = Buffer.concat([Buffer.from('{"value":"x","metadata":"{}"}'), bytes]);
      const headers = type === undefined ? {} : { "content-type": type };
      expect(await kv.outcome("PUT", "/values/k", { body, headers })).toEqual([200, undefined]);
      const answer = await kv.call("GET", `/${kv.id}/values/k`);
      expect(answer.bytes.equals(body)).toBe(true);
      expect(answer.headers["content-type"]).toBe("application/octet-stream");
      expect(answer.headers["expiration"]).toBeUndefined();
      expect((await kv.json("GET", "/metadata/k")).result).toBe(null);
    },
  );

  it("may be empty, may be chunked", async () => {
    await kv.put("empty", "");
    expect(await kv.outcome("PUT", "/values/none")).toEqual([200, undefined]);
    expect(
      await kv.outcome("PUT", "/values/chunked", { headers: { "transfer-encoding": "chunked" }, body: "abc" }),
    ).toEqual([200, undefined]);
    expect([await kv.get("empty"), await kv.get("none"), await kv.get("chunked")]).toEqual(["", "", "abc"]);
  });

  it("replaces all that was there: value, metadata, expiration", async () => {
    await kv.call("PUT", `/${kv.id}/values/k?expiration_ttl=100`, form({ value: "1", metadata: '{"a":1}' }));
    await kv.put("k", "2");
    expect((await kv.json("GET", "/keys")).result).toEqual([{ name: "k" }]);
    expect(await kv.get("k")).toBe("2");
  });

  it("is answered to HEAD without its body", async () => {
    await kv.put("k", "12345");
    const answer = await kv.call("HEAD", `/${kv.id}/values/k`);
    expect([answer.status, answer.headers["content-length"], answer.text]).toEqual([200, "5", ""]);
    expect((await kv.call("HEAD", `/${kv.id}/values/none`)).status).toBe(404);
  });

  it("has at most 25 MiB", async () => {
    const most = Buffer.alloc(26_214_400, 1);
    expect(await kv.outcome("PUT", "/values/k", { body: most })).toEqual([200, undefined]);
    expect((await kv.call("GET", `/${kv.id}/values/k`)).bytes.equals(most)).toBe(true);
    expect(await kv.outcome("PUT", "/values/k", { body: Buffer.alloc(26_214_401) })).toEqual([413, 10024]);
    expect((await kv.call("GET", `/${kv.id}/values/k`)).bytes.equals(most)).toBe(true);
  });

  it("that is missing is 404 with code 10009, and deleting it succeeds", async () => {
    expect(await kv.outcome("GET", "/values/k")).toEqual([404, 10009]);
    expect(await kv.outcome("GET", "/metadata/k")).toEqual([404, 10009]);
    const answer = await kv.call("DELETE", `/${kv.id}/values/k`);
    expect(answer.text).toBe('{"result":null,"success":true,"errors":[],"messages":[]}');
  });

  it("is gone once deleted, whatever body the DELETE has", async () => {
    await kv.put("k", "v");
    expect(
      await kv.outcome("DELETE", "/values/k", { body: "{}", headers: { "content-type": "application/json" } }),
    ).toEqual([200, undefined]);
    expect(await kv.outcome("GET", "/values/k")).toEqual([404, 10009]);
  });

  it("that looks like an answer of the API is still a value", async () => {
    const text = '{"success":false,"errors":[{"code":10009,"message":"x"}]}';
    await kv.put("k", text);
    expect(await kv.outcome("GET", "/values/k")).toEqual([200, undefined]);
    expect(await kv.get("k")).toBe(text);
  });
});

describe("a multipart write", () => {
  it.each([
    ["text parts", { value: "hello", metadata: '{"a": 1}' }],
    ["file parts", { value: { file: "hello" }, metadata: { file: '{"a": 1}' } }],
  ])("stores value and metadata from %s", async (_, fields) => {
    expect(await kv.outcome("PUT", "/values/k", form(fields))).toEqual([200, undefined]);
    expect(await kv.get("k")).toBe("hello");
    expect((await kv.call("GET", `/${kv.id}/metadata/k`)).text).toContain('"result":{"a":1}');
  });

  it("keeps every byte, in a part without a file name as well", async () => {
    const latin1 = Buffer.from(bytes).toString("latin1");
    for (const value of [latin1, { file: latin1 }]) {
      await kv.call("PUT", `/${kv.id}/values/k`, form({ value }));
      expect((await kv.call("GET", `/${kv.id}/values/k`)).bytes.equals(Buffer.from(bytes))).toBe(true);
    }
  });

  it("takes the fields in any order, the first of two, and no others", async () => {
    const fields: [string, string][] = [
      ["other", "x"],
      ["metadata", '{"m":1}'],
      ["metadata[a]", "1"],
      ["value", "first"],
      ["value", "second"],
    ];
    await kv.call("PUT", `/${kv.id}/values/k`, formOf(fields));
    expect(await kv.get("k")).toBe("first");
    expect((await kv.json("GET", "/metadata/k")).result).toEqual({ m: 1 });
  });

  it("may have a value of 25 MiB, and no more", async () => {
    const value = "x".repeat(26_214_400);
    expect(await kv.outcome("PUT", "/values/k", form({ value }))).toEqual([200, undefined]);
    expect(await kv.outcome("PUT", "/values/k", form({ value: `${value}x` }))).toEqual([413, 10024]);
  });

  it("takes an empty value", async () => {
    expect(await kv.outcome("PUT", "/values/k", form({ value: "", metadata: "[]" }))).toEqual([200, undefined]);
    expect(await kv.get("k")).toBe("");
  });

  const type = "multipart/form-data; boundary=BB";
  it.each([
    ["no value field", form({ metadata: "{}" })],
    ["only the closing boundary", { body: "--BB--\r\n", headers: { "content-type": type } }],
    ["an empty body", { body: "", headers: { "content-type": type } }],
    ["another boundary", { body: "--CC\r\n\r\n--CC--\r\n", headers: { "content-type": type } }],
    ["no boundary", { body: "x", headers: { "content-type": "multipart/form-data" } }],
    [
      "a body that breaks off inside the value",
      { body: '--BB\r\nContent-Disposition: form-data; name="value"\r\n\r\nhal', headers: { "content-type": type } },
    ],
    [
      "a body that breaks off after the value",
      {
        body: '--BB\r\nContent-Disposition: form-data; name="value"\r\n\r\nv\r\n--BB',
        headers: { "content-type": type },
      },
    ],
  ])("with %s is refused", async (_, options) => {
    expect(await kv.outcome("PUT", "/values/k", options)).toEqual([400, 10012]);
    expect(await kv.names()).toEqual([]);
  });
});

describe("metadata", () => {
  it.each([
    ["{}", "{}"],
    [' { "b" : [ 1 , 2 ] , "a" : "\\u00e9\\ud83d\\ude00" } ', '{"b":[1,2],"a":"é😀"}'],
    ["5", "5"],
    ["0", "0"],
    ["false", "false"],
    ['""', '""'],
    ["[]", "[]"],
    ['{"__proto__":1}', '{"__proto__":1}'],
    ['"\\ud800"', '"\\ud800"'],
  ])("%s is kept as %s", async (given, kept) => {
    expect(await kv.outcome("PUT", "/values/k", form({ value: "v", metadata: given }))).toEqual([200, undefined]);
    expect((await kv.call("GET", `/${kv.id}/metadata/k`)).text).toBe(
      `{"result":${kept},"success":true,"errors":[],"messages":[]}`,
    );
    expect((await kv.call("GET", `/${kv.id}/keys`)).text).toContain(`{"name":"k","metadata":${kept}}`);
  });

  it("null is none", async () => {
    await kv.call("PUT", `/${kv.id}/values/k`, form({ value: "v", metadata: "null" }));
    expect((await kv.json("GET", "/keys")).result).toEqual([{ name: "k" }]);
  });

  it.each(["", "{", "undefined", "{a:1}"])("%j is no JSON", async (metadata) => {
    expect(await kv.outcome("PUT", "/values/k", form({ value: "v", metadata }))).toEqual([400, 10147]);
    expect(await kv.names()).toEqual([]);
  });

  it("has at most 1,024 bytes as compact JSON", async () => {
    const fits = ` {  "a" :   "${"é".repeat(508)}" } `;
    expect(await kv.outcome("PUT", "/values/k", form({ value: "v", metadata: fits }))).toEqual([200, undefined]);
    const over = `{"a":"${"é".repeat(508)}x"}`;
    expect(await kv.outcome("PUT", "/values/k", form({ value: "v", metadata: over }))).toEqual([413, 10047]);
  });
});

describe("what is wrong first is told first", () => {
  it("namespace, key, expiration, metadata, value", async () => {
    const all = form({ value: "x".repeat(26_214_401), metadata: "{" });
    const none = { ...all, body: all.body };
    expect(await kv.call("PUT", `/${"0".repeat(32)}/values/.?expiration_ttl=1`, none)).toMatchObject({ status: 404 });
    expect(await kv.outcome("PUT", "/values/.?expiration_ttl=1", none)).toEqual([400, 10042]);
    expect(await kv.outcome("PUT", "/values/k?expiration_ttl=1", none)).toEqual([400, 10034]);
    expect(await kv.outcome("PUT", "/values/k", none)).toEqual([400, 10147]);
  });
});

type Field = string | { readonly file: string };

/** A form as undici writes it. Strings are bytes: one character each. */
function form(fields: Readonly<Record<string, Field>>) {
  return formOf(Object.entries(fields));
}

function formOf(fields: readonly (readonly [string, Field])[]) {
  const boundary = "----formdata-undici-012345678901";
  const parts = fields.map(([name, field]) => {
    const file = typeof field === "string" ? "" : '; filename="blob"\r\nContent-Type: application/octet-stream';
    const text = typeof field === "string" ? field : field.file;
    const content = /[\u0100-\uffff]/.test(text) ? Buffer.from(text).toString("latin1") : encodeLatin1(name, text);
    return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
  });
  const body = Buffer.from(`${parts.join("")}--${boundary}--\r\n`, "latin1");
  return { body, headers: { "content-type": `multipart/form-data; boundary=${boundary}` } };
}

/** Metadata is text, and so UTF-8; a value is bytes already. */
function encodeLatin1(name: string, text: string): string {
  return name === "metadata" ? Buffer.from(text).toString("latin1") : text;
}
