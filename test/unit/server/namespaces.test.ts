// Namespaces: list, create, get, rename, delete.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Body, type Kv, openKv, rawCall, withNamespace } from "./kv-fixture.ts";

let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

const jsonType = { "content-type": "application/json" };

async function call(method: string, path: string, body?: unknown): Promise<Body> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await kv.call(method, path, { body: text, headers: jsonType });
  expect(answer.headers["content-type"]).toBe("application/json");
  return { status: answer.status, ...JSON.parse(answer.text) };
}

describe("a created namespace", () => {
  it("has an id of 32 hexadecimal digits and is told in full", async () => {
    const created = await call("POST", "", { title: "mine", unknown: 1 });
    expect(created).toEqual({
      status: 200,
      result: { id: expect.stringMatching(/^[0-9a-f]{32}$/), title: "mine", supports_url_encoding: true },
      success: true,
      errors: [],
      messages: [],
    });
    expect((await call("GET", `/${created.result.id}`)).result).toEqual(created.result);
    expect((await call("GET", `/${created.result.id.toUpperCase()}`)).result).toEqual(created.result);
  });

  it("needs a title that is not taken in its account", async () => {
    expect(await call("POST", "", { title: "test" })).toMatchObject({ status: 400, errors: [{ code: 10014 }] });
    const other = await rawCall(kv.server.port, "POST", "/client/v4/accounts/other/storage/kv/namespaces", {
      body: '{"title":"test"}',
      headers: { authorization: "Bearer x", ...jsonType },
    });
    expect(other.status).toBe(200);
    expect((await call("POST", "", { title: "TEST" })).status).toBe(200);
  });

  it.each([
    [{ title: "" }, 10019],
    [{}, 10019],
    [[], 10019],
    [null, 10019],
    [{ title: 5 }, 10019],
    [{ title: "x".repeat(513) }, 10012],
  ])("is refused for the body %j", async (body, code) => {
    expect(await call("POST", "", body)).toMatchObject({
      status: 400,
      success: false,
      result: null,
      errors: [{ code }],
    });
  });

  it("is refused for a body that is no JSON", async () => {
    expect((await kv.call("POST", "", { body: "{" })).text).toContain('"code":10012');
    expect((await kv.call("POST", "")).text).toContain('"code":10012');
  });

  it("may have a title of 512 characters, each of any size", async () => {
    const title = "😀".repeat(512);
    const { result } = await call("POST", "", { title });
    expect((await call("GET", `/${result.id}`)).result.title).toBe(title);
  });

  it("is the last one when there are 1,000", async () => {
    for (let i = 1; i < 1000; i++) await kv.server.createNamespace(`n${i}`);
    expect(await call("POST", "", { title: "too many" })).toMatchObject({ status: 400, errors: [{ code: 10018 }] });
  });
});

describe("a namespace that is not there", () => {
  it.each([
    ["GET", "0".repeat(32), 404, 10013],
    ["PUT", "0".repeat(32), 404, 10013],
    ["DELETE", "0".repeat(32), 404, 10013],
    ["GET", "short", 400, 10011],
    ["DELETE", "g".repeat(32), 400, 10011],
  ])("%s /%s: %i, %i", async (method, id, status, code) => {
    expect(await call(method, `/${id}`, { title: "x" })).toMatchObject({ status, errors: [{ code }] });
  });

  it("is not found, whatever the form of its id, unless ids are strict", async () => {
    const lax = await openKv({ strictIds: false });
    const answer = await lax.call("GET", "/my-ns/keys");
    await lax.close();
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([404, 10013]);
  });

  it("is also one of another account", async () => {
    const answer = await rawCall(
      kv.server.port,
      "GET",
      `/client/v4/accounts/other/storage/kv/namespaces/${kv.id}/keys`,
      {
        headers: { authorization: "Bearer x" },
      },
    );
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([404, 10013]);
  });
});

describe("renaming", () => {
  it("answers the namespace with its new title and leaves its data alone", async () => {
    await kv.put("k", "v");
    expect((await call("PUT", `/${kv.id}`, { title: "new" })).result).toEqual({
      id: kv.id,
      title: "new",
      supports_url_encoding: true,
    });
    expect(await kv.get("k")).toBe("v");
    expect((await call("PUT", `/${kv.id}`, { title: "new" })).status).toBe(200);
    expect((await call("POST", "", { title: "test" })).status).toBe(200);
    expect(await call("PUT", `/${kv.id}`, { title: "test" })).toMatchObject({ status: 400, errors: [{ code: 10014 }] });
    expect(await call("PUT", `/${kv.id}`, { title: "" })).toMatchObject({ status: 400, errors: [{ code: 10019 }] });
  });
});

describe("deleting", () => {
  it("takes the namespace and all its keys, and frees its title", async () => {
    await kv.put("k", "v");
    expect(await call("DELETE", `/${kv.id}`)).toMatchObject({ status: 200, result: null, success: true });
    expect(await call("DELETE", `/${kv.id}`)).toMatchObject({ status: 404, errors: [{ code: 10013 }] });
    for (const [method, path, body] of [
      ["GET", "/keys", undefined],
      ["GET", "/values/k", undefined],
      ["GET", "/metadata/k", undefined],
      ["PUT", "/values/k", "v"],
      ["DELETE", "/values/k", undefined],
      ["PUT", "/bulk", "[]"],
      ["DELETE", "/bulk", "[]"],
      ["POST", "/bulk/delete", "[]"],
      ["POST", "/bulk/get", '{"keys":["k"]}'],
    ] as const) {
      expect([method, path, ...(await kv.outcome(method, path, { body }))]).toEqual([method, path, 404, 10013]);
    }
    const again = withNamespace(kv.server, await kv.server.createNamespace("test"));
    expect(await again.names()).toEqual([]);
  });
});

describe("the list of namespaces", () => {
  it("is paged by number, and empty past its end", async () => {
    for (const title of ["c", "a", "b"]) await kv.server.createNamespace(title);
    const page = await call("GET", "?per_page=3&order=title&direction=asc");
    expect(page.result.map((one: Body) => one.title)).toEqual(["a", "b", "c"]);
    expect(page.result_info).toEqual({ page: 1, per_page: 3, count: 3, total_count: 4, total_pages: 2 });
    const second = await call("GET", "?per_page=3&order=title&page=2");
    expect(second.result.map((one: Body) => one.title)).toEqual(["test"]);
    const past = await call("GET", "?per_page=3&page=3");
    expect(past).toMatchObject({ status: 200, result: [], result_info: { count: 0, total_count: 4 } });
    const descending = await call("GET", "?order=title&direction=desc");
    expect(descending.result.map((one: Body) => one.title)).toEqual(["test", "c", "b", "a"]);
  });

  it("is 20 to a page, by id, unless asked otherwise", async () => {
    for (let i = 0; i < 25; i++) await kv.server.createNamespace(`n${i}`);
    const { result, result_info } = await call("GET", "");
    expect(result_info).toEqual({ page: 1, per_page: 20, count: 20, total_count: 26, total_pages: 2 });
    const ids = result.map((one: Body) => one.id);
    expect(ids).toEqual(ids.toSorted());
  });

  it.each([
    ["page=0", 10007],
    ["page=-1", 10007],
    ["page=x", 10007],
    ["page=99999999999999999999", 10007],
    ["per_page=0", 10008],
    ["per_page=1001", 10008],
    ["order=size", 10043],
    ["direction=up", 10044],
  ])("is refused for %s", async (query, code) => {
    expect(await call("GET", `?${query}`)).toMatchObject({ status: 400, errors: [{ code }] });
  });
});
