// Bodies that are small to send and large to hold, and requests that come faster than they are carried out: the server
// answers, goes on, and keeps their order.

import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;

beforeAll(async () => {
  kv = await openKv();
});

afterAll(() => kv.close());

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

const bulk = (body: string): { body: string; headers: Record<string, string> } => ({
  body,
  headers: { "content-type": "application/json" },
});

describe("metadata", () => {
  const pair = (metadata: string): string => `[{"key":"k","value":"v","metadata":${metadata}}]`;
  const form = (metadata: string): { body: string; headers: Record<string, string> } => ({
    body: `--b\r\nContent-Disposition: form-data; name="value"\r\n\r\nv\r\n--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n${metadata}\r\n--b--\r\n`,
    headers: { "content-type": "multipart/form-data; boundary=b" },
  });

  it("may be nested as deeply as 1,024 bytes allow", async () => {
    expect(await kv.outcome("PUT", "/bulk", bulk(pair(nested(512))))).toEqual([200, undefined]);
    expect(await kv.outcome("PUT", "/values/k", form(nested(512)))).toEqual([200, undefined]);
    expect((await kv.json("GET", "/metadata/k")).result).toEqual(JSON.parse(nested(512)));
    expect((await kv.json("GET", "/keys")).result[0].metadata).toEqual(JSON.parse(nested(512)));
  });

  it.each([600, 100_000])("nested %i deep is refused, not an error of the server", async (depth) => {
    expect(await kv.outcome("PUT", "/bulk", bulk(pair(nested(depth))))).toEqual([400, 10012]);
    expect(await kv.outcome("PUT", "/values/k", form(nested(depth)))).toEqual([413, 10047]);
  });
});

describe("a body of many small parts", () => {
  const filled = (part: string, bytes: number): string => part.repeat(Math.floor(bytes / part.length));

  it.each([
    ["empty pairs", `[${filled("{},", 24_000_000)}{}]`],
    ["empty arrays", `[${filled("[],", 24_000_000)}[]]`],
    ["numbers", `[${filled("1,", 24_000_000)}1]`],
    ["metadata of many arrays", `[{"key":"a","value":"b","metadata":[${filled("[],", 24_000_000)}[]]}]`],
  ])("of %s is refused before it is parsed", async (_, body) => {
    expect((await kv.outcome("PUT", "/bulk", bulk(body)))[0]).toBe(400);
  });

  it("of form parts is refused", async () => {
    const part = `--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n`;
    const body = `${part.repeat(500_000)}--b--\r\n`;
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    expect(await kv.outcome("PUT", "/values/k", { body, headers })).toEqual([400, 10012]);
  });

  it("of quotes and backslashes is read through", async () => {
    const value = '\\"\\\\'.repeat(1000);
    const body = `[{"key":"quoted","value":"${value}"}]`;
    expect(await kv.outcome("PUT", "/bulk", bulk(body))).toEqual([200, undefined]);
    expect(await kv.get("quoted")).toBe('"\\'.repeat(1000));
  });
});

describe("requests sent one after the other without waiting", () => {
  it("are carried out in their order, also where the first has a body that comes late", async () => {
    const path = `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/values/pipelined`;
    const head = (method: string, more = ""): string =>
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer any\r\n${more}\r\n`;
    const socket = connect(kv.server.port, "127.0.0.1");
    const answers = await new Promise<string>((resolve, reject) => {
      let text = "";
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if ((text.match(/HTTP\/1\.1 /g) ?? []).length === 3) resolve(text);
      });
      const value = "x".repeat(200_000);
      socket.write(head("PUT", `Content-Length: ${value.length}\r\n`) + value + head("DELETE") + head("GET"));
    });
    socket.destroy();
    expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "200", "404"]);
  });
});
