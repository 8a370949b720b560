// The form of a request on the wire, and the token, which shows nowhere else.

import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import type { RetryEvent } from "../../../src/kv/request-loop.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import { keyOf } from "../../support/values.ts";
import { failure, openTestClient, TOKEN } from "./client-fixture.ts";
import { answer, refuse, type Script, startScriptedServer } from "./scripted-server.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

describe("a request", () => {
  it("has the key as one segment of its path, percent-encoded once", async () => {
    await using server = await startScriptedServer((_, response) => answer(response, null));
    const api = openTestClient(server.url);
    for (const key of ["a/b c+%?#é", "...", "a/../b", "%2F", "//"]) await api.deleteValue(id, keyOf(key));
    const root = `/client/v4/accounts/testaccount/storage/kv/namespaces/${id}/values/`;
    expect(server.requests.map((request) => request.target)).toEqual(
      ["a%2Fb%20c%2B%25%3F%23%C3%A9", "...", "a%2F..%2Fb", "%252F", "%2F%2F"].map((key) => root + key),
    );
    await api.close();
  });

  it("has an exact length and never a redirect's or another host's address", async () => {
    await using server = await startScriptedServer((_, response) => answer(response, null));
    const api = openTestClient(server.url);
    await api.writeValue(id, keyOf("a"), bodyOfText("12345"), {
      metadata: "{}",
      ttlSeconds: 60,
      expiration: undefined,
    });
    await api.writeValue(id, keyOf("a"), bodyOfText(""), {});
    const [withMetadata, empty] = server.requests;
    expect(withMetadata?.headers["content-length"]).toBe(String(withMetadata?.body.byteLength));
    expect(withMetadata?.headers["transfer-encoding"]).toBeUndefined();
    expect(withMetadata?.target).toMatch(/\?expiration_ttl=60$/);
    expect(empty?.headers["content-length"]).toBe("0");
    expect(empty?.headers["content-type"]).toBe("application/octet-stream");
    await api.close();
  });
});

describe("the token", () => {
  it("is sent, and appears in no error however it came back", async () => {
    const echo: Script = (request, response, number) => {
      expect(request.headers["authorization"]).toBe(`Bearer ${TOKEN}`);
      if (number % 3 === 0) refuse(response, 400, 6003, `Invalid header: Bearer ${TOKEN}`);
      else if (number % 3 === 1) refuse(response, 500, 1, `oh ${TOKEN}`);
      else response.destroy();
    };
    await using server = await startScriptedServer(echo);
    for (let i = 0; i < 3; i++) {
      const events: RetryEvent[] = [];
      const api = openTestClient(server.url, { retry: { attempts: 1 }, onRetry: (event) => events.push(event) });
      const error = await failure(api.listKeys(id, {}));
      expect(inspect([error, events], { depth: 20, showHidden: true })).not.toContain(TOKEN);
      expect(String(error.stack)).not.toContain(TOKEN);
      await api.close();
    }
  });
});
