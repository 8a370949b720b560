// What a token sees of the namespaces, and which titles it may give.

import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/core/system-clock.ts";
import type { TokenGrant } from "../../../../src/server/access/rights.ts";
import { openSqliteStore } from "../../../../src/server/store/sqlite/sqlite-store.ts";
import type { ReadOnlyStore } from "../../../../src/server/store/store.ts";
import { startTestServer, type TestServer } from "../../../support/server.ts";
import { rawCall } from "../kv-fixture.ts";

const grant = (name: string, rest: Partial<TokenGrant> = {}): TokenGrant => ({
  name,
  sha256: hash("sha256", name, "hex"),
  access: "edit",
  ...rest,
});

let server: TestServer;
const ids = new Map<string, string>();

// oxlint-disable-next-line typescript/no-explicit-any -- what a test asserts about
async function ask(token: string, method: string, path: string, body?: object): Promise<any> {
  const target = path.startsWith("/accounts")
    ? `/client/v4${path}`
    : `${new URL(server.namespacesUrl).pathname}${path}`;
  const answer = await rawCall(server.port, method, target, {
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, ...JSON.parse(answer.text) };
}

const outcome = async (...args: Parameters<typeof ask>): Promise<unknown> => {
  const { status, errors, result } = await ask(...args);
  return errors.length === 0 ? (result?.title ?? status) : [status, errors[0].code];
};

const titles = async (token: string): Promise<unknown> =>
  (await ask(token, "GET", "?order=title")).result.map((each: { title: string }) => each.title);

beforeEach(async () => {
  server = await startTestServer({ token: "owner", tokens: [grant("owner")] });
  for (const title of ["app-1", "app-2", "app-3", "mine", "prod"]) ids.set(title, await server.createNamespace(title));
  server.setTokens([
    grant("owner"),
    grant("apps", { namespaces: ["app-*"] }),
    grant("by-id", { namespaces: [ids.get("prod")!] }),
    grant("both", { namespaces: [ids.get("prod")!, "app-*"] }),
    grant("elsewhere", { accounts: ["team-*", "named"] }),
    grant("unseeing", { namespaces: ["nothing"] }),
  ]);
});
afterEach(() => server.close());

describe("a listing", () => {
  it("has pages and counts of what the token may see", async () => {
    const { result, result_info } = await ask("apps", "GET", "?order=title&per_page=2&page=2");
    expect(result.map((each: { title: string }) => each.title)).toEqual(["app-3"]);
    expect(result_info).toEqual({ page: 2, per_page: 2, count: 1, total_count: 3, total_pages: 2 });
    const backwards = await ask("apps", "GET", "?order=title&direction=desc&per_page=2");
    expect(backwards.result.map((each: { title: string }) => each.title)).toEqual(["app-3", "app-2"]);
    expect(await titles("by-id")).toEqual(["prod"]);
    expect(await titles("both")).toEqual(["app-1", "app-2", "app-3", "prod"]);
    expect(await titles("unseeing")).toEqual([]);
  });

  it.each([
    ["owner", ["testaccount"]],
    ["apps", ["testaccount"]],
    ["unseeing", ["local"]], // as where no account has anything yet
    ["elsewhere", ["named"]],
  ])("of accounts shows %s those in which there is something for it", async (token, expected) => {
    const { result } = await ask(token, "GET", "/accounts");
    expect(result.map((each: { id: string }) => each.id)).toEqual(expected);
  });
});

describe("a title", () => {
  it.each([
    ["apps", "POST", "", "app-4", "app-4"],
    ["apps", "POST", "", "prod-4", [403, 10000]],
    ["apps", "POST", "", "app-1", [400, 10014]],
    ["apps", "PUT", "app-1", "app-9", "app-9"],
    ["apps", "PUT", "app-1", "prod-9", [403, 10000]],
    ["apps", "PUT", "prod", "app-9", [404, 10013]],
    ["by-id", "PUT", "prod", "other", [403, 10000]],
    ["both", "PUT", "prod", "app-9", "app-9"],
    ["both", "PUT", "prod", "prod-9", [403, 10000]],
  ])("by %s, %s /%s as %s: %j", async (token, method, title, next, expected) => {
    const path = title === "" ? "" : `/${ids.get(title)}`;
    expect(await outcome(token, method, path, { title: next })).toEqual(expected);
  });

  it("that an owner gives takes a namespace out of a token's reach, or brings it there", async () => {
    await ask("owner", "PUT", `/${ids.get("app-1")}`, { title: "gone" });
    await ask("owner", "PUT", `/${ids.get("mine")}`, { title: "app-mine" });
    expect(await titles("apps")).toEqual(["app-2", "app-3", "app-mine"]);
    expect(await outcome("apps", "DELETE", `/${ids.get("app-1")}`)).toEqual([404, 10013]);
    await ask("owner", "PUT", `/${ids.get("prod")}`, { title: "renamed" });
    expect(await titles("by-id")).toEqual(["renamed"]);
  });

  it("that has the form of an id is no way to that namespace", async () => {
    await ask("owner", "PUT", `/${ids.get("mine")}`, { title: ids.get("prod") });
    expect(await titles("by-id")).toEqual(["prod"]);
  });
});

it("counts what a token does not see against the limit of the account", async () => {
  const store = await openSqliteStore(":memory:", systemClock);
  for (let i = 0; i < 1000; i++) await store.namespaces.create("testaccount", `x${i}`);
  await server.close();
  server = await startTestServer({ database: store, tokens: [grant("apps", { namespaces: ["app-*"] })] });
  expect(await outcome("apps", "POST", "", { title: "app-4" })).toEqual([400, 10018]);
  await store.close();
});

it("hides the namespace of a snapshot that is served, and lets nobody change it", async () => {
  const namespace = { id: "a".repeat(32), title: "app-1" };
  const store: ReadOnlyStore = {
    isReadOnly: true,
    namespaces: {
      find: (_, id) => (id === namespace.id ? namespace : undefined),
      list: (_, { offset }) => (offset === 0 ? [namespace] : []),
      count: () => 1,
      accounts: () => ["testaccount"],
    },
    entries: {
      read: () => undefined,
      readQuoted: (_, keys) => keys.map(() => undefined),
      readMetadata: () => undefined,
      list: () => [],
    },
  };
  await server.close();
  const tokens = [grant("apps", { namespaces: ["app-*"] }), grant("unseeing", { namespaces: ["x"] })];
  server = await startTestServer({ database: store, tokens });
  const path = `/${namespace.id}`;
  expect([await titles("apps"), await titles("unseeing")]).toEqual([["app-1"], []]);
  expect(await outcome("apps", "GET", path)).toBe("app-1");
  expect(await outcome("unseeing", "GET", path)).toEqual([404, 10013]);
  expect(await outcome("apps", "DELETE", path)).toEqual([403, 10037]);
});
