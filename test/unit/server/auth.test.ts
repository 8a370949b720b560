// Who may ask, and what others are told.

import { describe, expect, it } from "vitest";
import { type Kv, openKv, rawCall } from "./kv-fixture.ts";

async function withKv(token: string | undefined, body: (kv: Kv) => Promise<void>): Promise<void> {
  const kv = await openKv(token === undefined ? {} : { token });
  try {
    await body(kv);
  } finally {
    await kv.close();
  }
}

async function ask(kv: Kv, headers: Record<string, string>): Promise<[number, number | undefined]> {
  const answer = await rawCall(kv.server.port, "GET", new URL(kv.server.namespacesUrl).pathname, { headers });
  return [answer.status, JSON.parse(answer.text).errors[0]?.code];
}

describe("with a token", () => {
  it.each([
    ["the token", { authorization: "Bearer s3cret" }, [200, undefined]],
    ["the token, in another case of Bearer", { authorization: "bearer  s3cret" }, [200, undefined]],
    ["the token as legacy key", { "x-auth-email": "a@b.c", "x-auth-key": "s3cret" }, [200, undefined]],
    ["another token", { authorization: "Bearer s3cre" }, [403, 10000]],
    ["another key", { "x-auth-email": "a@b.c", "x-auth-key": "x" }, [403, 10000]],
    ["nothing", {}, [400, 9106]],
    ["a key without an e-mail", { "x-auth-key": "s3cret" }, [400, 6003]],
    ["an e-mail without a key", { "x-auth-email": "a@b.c" }, [400, 6003]],
    ["no bearer", { authorization: "s3cret" }, [400, 6003]],
    ["basic", { authorization: "Basic czNjcmV0" }, [400, 6003]],
    ["an empty bearer", { authorization: "Bearer " }, [400, 6003]],
  ] as const)("%s gives %j", (_, headers, expected) =>
    withKv("s3cret", async (kv) => {
      expect(await ask(kv, headers)).toEqual(expected);
    }),
  );

  it("nothing is changed for who has it not", () =>
    withKv("s3cret", async (kv) => {
      const path = `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}`;
      for (const [method, below] of [
        ["DELETE", ""],
        ["PUT", "/values/k"],
        ["PUT", "/bulk"],
      ] as const) {
        const answer = await rawCall(kv.server.port, method, `${path}${below}`, {
          body: "[]",
          headers: { authorization: "Bearer wrong" },
        });
        expect(answer.status).toBe(403);
      }
      expect(await kv.names()).toEqual([]);
    }));
});

describe("without a token", () => {
  it("any is accepted, but not none", () =>
    withKv(undefined, async (kv) => {
      expect(await ask(kv, { authorization: "Bearer whatever" })).toEqual([200, undefined]);
      expect(await ask(kv, { "x-auth-email": "a@b.c", "x-auth-key": "k" })).toEqual([200, undefined]);
      expect(await ask(kv, {})).toEqual([400, 9106]);
    }));

  it("no browser page of another origin is let in", () =>
    withKv(undefined, async (kv) => {
      const answer = await rawCall(kv.server.port, "OPTIONS", new URL(kv.server.namespacesUrl).pathname, {
        headers: { origin: "http://evil.example", "access-control-request-headers": "authorization" },
      });
      expect(answer.status).toBe(405);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }));
});

describe("without a token, for a request with credentials", () => {
  const bearer = { authorization: "Bearer any" };
  it.each([
    ["a program of this machine", { host: "127.0.0.1:8787" }, 200],
    ["one that says localhost", { host: "localhost:8787" }, 200],
    ["one that uses IPv6", { host: "[::1]:8787" }, 200],
    ["a page of this machine", { host: "localhost:8787", origin: "http://localhost:3000" }, 200],
    ["a page whose name was made to point here", { host: "rebound.example:8787" }, 403],
    ["a page of another site", { host: "localhost:8787", origin: "https://elsewhere.example" }, 403],
    ["a page of a file", { host: "localhost:8787", origin: "null" }, 403],
    ["a name that begins like this machine's", { host: "127.0.0.1.rebound.example" }, 403],
  ])("%s is answered as it should be", (_, headers, status) =>
    withKv(undefined, async (kv) => {
      expect((await ask(kv, { ...bearer, ...headers }))[0]).toBe(status);
    }),
  );

  it("with a token any name may be used: a proxy may stand before it", () =>
    withKv("s3cret", async (kv) => {
      expect(await ask(kv, { authorization: "Bearer s3cret", host: "kv.example" })).toEqual([200, undefined]);
    }));
});
