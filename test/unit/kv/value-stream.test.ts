// Values as they are read: whole, or not at all.

import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { readValueBytes } from "../../../src/kv/read-value-bytes.ts";
import { keyOf } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { refuse, send, startScriptedServer } from "./scripted-server.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

describe("a value", () => {
  it("that is cut half-way is read again", async () => {
    await using server = await startScriptedServer((_, response, number) => {
      if (number > 1) return send(response, 200, "the whole value", { expiration: "1999999999" });
      response.writeHead(200, { "content-length": 15 });
      response.write("the wh");
      setImmediate(() => response.destroy());
    });
    const api = openTestClient(server.url);
    const stream = await api.readValue(id, keyOf("a"));
    expect(Buffer.from(await stream!.bytes()).toString()).toBe("the whole value");
    expect(api.counts()).toMatchObject({ read: 3, retries: 2 });
    await api.close();
  });

  it("that is cut half-way fails as a stream, for what was given cannot be taken back", async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { "content-length": 15 });
      response.write("the wh");
      setTimeout(() => response.destroy(), 20);
    });
    const api = openTestClient(server.url);
    const stream = await api.readValue(id, keyOf("a"));
    const read = async (): Promise<void> => {
      for await (const chunk of stream!.body) expect(chunk.toString()).toBeDefined();
    };
    expect(await failure(read())).toMatchObject({ code: "network", retryable: true });
    await api.close();
  });

  it.each([
    ["that could have been cut without anyone noticing", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf a val"],
    ["that something has compressed", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b"],
  ])("%s is not believed", async (_, text) => {
    await using server = await startScriptedServer((_request, response) => {
      response.socket?.end(text, "latin1");
    });
    const api = openTestClient(server.url);
    expect(await failure(api.readValue(id, keyOf("a")))).toMatchObject({ code: "api-malformed" });
    await api.close();
  });

  it("that goes away between two attempts at reading it is gone", async () => {
    await using server = await startScriptedServer((_, response, number) => {
      if (number > 0) return refuse(response, 404, 10009);
      response.writeHead(200, { "content-length": 15 });
      response.write("the wh");
      setImmediate(() => response.destroy());
    });
    const api = openTestClient(server.url);
    expect(await readValueBytes(api, id, keyOf("a"), {})).toBeUndefined();
    await api.close();
  });

  it("that looks like an envelope is a value", async () => {
    const text = JSON.stringify({ success: false, errors: [{ code: 10009 }] });
    await using server = await startScriptedServer((_, response) => send(response, 200, text));
    const api = openTestClient(server.url);
    expect(Buffer.from(await (await api.readValue(id, keyOf("a")))!.bytes()).toString()).toBe(text);
    await api.close();
  });

  it("over 25 MiB is not taken", async () => {
    await using server = await startScriptedServer((_, response) => send(response, 200, Buffer.alloc(26_214_401)));
    const api = openTestClient(server.url);
    expect(await failure((await api.readValue(id, keyOf("a")))!.bytes())).toMatchObject({
      code: "request-too-large",
    });
    await api.close();
  });
});
