// The dangerous part: what a raw request target may and may not reach.

import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Kv, openKv, rawCall } from "./kv-fixture.ts";

let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

const authorization = "Bearer test-token";

describe("a target that collapses to a namespace when it is normalised", () => {
  const dangerous = (id: string) => [
    `/${id}/`,
    `//${id}/`,
    `/${id}//`,
    `/${id}/values/`,
    `/${id}/values//`,
    `/${id}/metadata/`,
    "/",
    "//",
  ];

  it("is never the namespace itself", async () => {
    for (const path of dangerous(kv.id)) {
      for (const method of ["PUT", "POST", "DELETE", "PATCH"]) {
        const answer = await kv.call(method, path, { body: '{"title":"renamed"}' });
        expect([method, path, answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([
          method,
          path,
          405,
          10405,
        ]);
      }
      const answer = await kv.call("GET", path);
      expect([path, answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([path, 404, 7000]);
    }
    expect((await kv.json("GET", "")).result.title).toBe("test");
  });

  it.each([
    ["values/..", "DELETE", 400, 10042],
    ["values/.", "DELETE", 400, 10042],
    ["values/%2e%2e", "DELETE", 400, 10042],
    ["values/%2E.", "PUT", 400, 10042],
    ["values/%2e", "GET", 400, 10042],
    ["metadata/..", "GET", 400, 10042],
    ["..", "DELETE", 404, 7000],
    ["%2e%2e", "DELETE", 404, 7000],
    ["values", "DELETE", 404, 7000],
    ["keys/", "GET", 404, 7000],
    ["bulk/", "PUT", 404, 7000],
    ["bulk/delete/", "POST", 404, 7000],
    ["nothing", "GET", 404, 7000],
  ])("/{ns}/%s is refused to %s", async (path, method, status, code) => {
    expect(await kv.outcome(method, `/${path}`)).toEqual([status, code]);
    expect((await kv.json("GET", "")).success).toBe(true);
  });

  it.each(["/..", "/.", "/%2e%2e", "/values/..", "/../namespaces"])("namespaces%s names no namespace", async (path) => {
    const answer = await kv.call("DELETE", path);
    expect([400, 404, 405]).toContain(answer.status);
    expect((await kv.json("GET", "")).success).toBe(true);
  });
});

describe("a key in the path", () => {
  it.each([
    ["a%2Fb", "a/b"],
    ["a/b", "a/b"],
    ["a//b", "a/b"],
    ["a%2F%2Fb", "a//b"],
    ["%2Flead", "/lead"],
    ["/lead", "lead"],
    ["trail/", "trail/"],
    ["%252F", "%2F"],
    ["a+b", "a+b"],
    ["a%2Bb", "a+b"],
    ["a%20b", "a b"],
    ["a%3Fb%23c", "a?b#c"],
    ["a:!'()*~@&=;,$", "a:!'()*~@&=;,$"],
    ["...", "..."],
    ["a/../b", "a/../b"],
    ["%00%1F%7F", "\u0000\u001F\u007F"],
    ["%F0%9F%98%80", "😀"],
    ["__proto__", "__proto__"],
  ])("%s is the key %j", async (path, key) => {
    expect(await kv.outcome("PUT", `/values/${path}`, { body: "v" })).toEqual([200, undefined]);
    expect(await kv.names()).toEqual([key]);
    expect((await kv.call("GET", `/${kv.id}/values/${path}`)).text).toBe("v");
    expect(await kv.outcome("GET", `/metadata/${path}`)).toEqual([200, undefined]);
    expect(await kv.outcome("DELETE", `/values/${path}`)).toEqual([200, undefined]);
    expect(await kv.names()).toEqual([]);
  });

  it.each(["%", "%zz", "a%2", "%FF", "%C3", "%ED%A0%80", "%C0%AF"])("%s cannot be decoded", async (path) => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      expect(await kv.outcome(method, `/values/${path}`)).toEqual([400, 10042]);
    }
  });

  it("must be encoded: bare bytes beyond ASCII are no HTTP", async () => {
    const target = `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/values/é`;
    const answer = await bareRequest(kv.server.port, `GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });

  it.each([
    ["x".repeat(512), 200, undefined],
    ["x".repeat(513), 414, 10030],
    [encodeURIComponent("é".repeat(256)), 200, undefined],
    [encodeURIComponent(`${"é".repeat(256)}x`), 414, 10030],
  ])("has at most 512 bytes (%#)", async (path, status, code) => {
    expect(await kv.outcome("PUT", `/values/${path}`, { body: "" })).toEqual([status, code]);
  });
});

describe("a target", () => {
  const account = () => `/accounts/${kv.server.accountId}/storage/kv/namespaces`;

  it.each(["/client/v4", "", "/client/v4/", "//client/v4", "/"])("is found under %j", async (mount) => {
    const answer = await rawCall(kv.server.port, "GET", `${mount}${account()}`, { headers: { authorization } });
    expect(JSON.parse(answer.text).result_info.total_count).toBe(1);
  });

  it("may be in absolute form", async () => {
    const answer = await rawCall(kv.server.port, "GET", `http://other${account()}`, { headers: { authorization } });
    expect(answer.status).toBe(200);
  });

  it.each([
    "/",
    "/client/v4",
    "/client/v4/",
    "/client/v4/zones",
    "/accounts/a/storage/kv",
    "/accounts/a/storage/kv/namespacesx",
  ])("%s leads nowhere", async (target) => {
    const answer = await rawCall(kv.server.port, "GET", target, { headers: { authorization } });
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toEqual({
      result: null,
      success: false,
      errors: [{ code: 7000, message: "No route for that URI" }],
      messages: [],
    });
  });

  it.each(["a%20b", "x".repeat(33), "%C3%A9", ".."])("has no account %s", async (name) => {
    const answer = await rawCall(kv.server.port, "GET", `/client/v4/accounts/${name}/storage/kv/namespaces`);
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([400, 7003]);
  });

  it.each([
    ["PATCH", ""],
    ["DELETE", ""],
    ["PUT", ""],
    ["OPTIONS", ""],
    ["POST", "/ID"],
    ["POST", "/ID/keys"],
    ["PUT", "/ID/metadata/k"],
    ["POST", "/ID/values/k"],
    ["GET", "/ID/bulk"],
    ["GET", "/ID/bulk/get"],
    ["DELETE", "/ID/bulk/delete"],
  ])("is not for %s %s", async (method, path) => {
    const answer = await kv.call(method, path.replace("ID", kv.id));
    expect([answer.status, JSON.parse(answer.text).errors[0]]).toEqual([
      405,
      { code: 10405, message: `${method} method not allowed for the api_token authentication scheme` },
    ]);
  });
});

describe("every answer", () => {
  it("carries an id of its own", async () => {
    const [first, second] = [await kv.call("GET", ""), await kv.call("GET", "/nope")];
    expect(first.headers["cf-ray"]).toMatch(/^[0-9a-f]{16}-KVS$/);
    expect(second.headers["cf-ray"]).not.toBe(first.headers["cf-ray"]);
  });
});

describe("what clients ask for around KV", () => {
  it("is answered", async () => {
    const ask = async (path: string) =>
      JSON.parse((await rawCall(kv.server.port, "GET", `/client/v4${path}`, { headers: { authorization } })).text);
    expect((await ask("/accounts?page=1")).result).toEqual([
      { id: "testaccount", name: "testaccount", type: "standard" },
    ]);
    expect((await ask("/memberships?page=1")).result[0].account).toEqual({ id: "testaccount", name: "testaccount" });
    expect((await ask("/user/tokens/verify")).result.status).toBe("active");
  });
});

/** What comes back for these bytes, to the end of the connection. */
function bareRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
