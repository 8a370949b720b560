// Calls about namespaces: what a repeated create, delete or list is taken to have done.

import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { collect } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { answer, refuse, startScriptedServer } from "./scripted-server.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

describe("a namespace", () => {
  it("whose creation was answered into the void is found by its title", async () => {
    await using server = await startScriptedServer((request, response, number) => {
      if (number === 0) response.destroy();
      else if (request.method === "POST") refuse(response, 400, 10014, "already exists");
      else answer(response, [{ id, title: "mine" }], { page: 1, per_page: 1000, total_pages: 1 });
    });
    const api = openTestClient(server.url);
    expect(await api.createNamespace("mine", { idsBefore: new Set() })).toEqual({ id, title: "mine" });
    expect(server.requests.map((request) => request.method)).toEqual(["POST", "POST", "GET"]);
    await api.close();
  });

  it.each([
    [
      "the answer was lost and nobody had looked for the title",
      undefined,
      (response: ServerResponse): void => void response.destroy(),
    ],
    ["the API was too busy for the first attempt", [], (response: ServerResponse): void => refuse(response, 429, 971)],
    [
      "the answer was lost and the namespace was there under another title",
      [id],
      (response: ServerResponse): void => void response.destroy(),
    ],
  ])("that exists is not called ours when %s", async (_, before, first) => {
    await using server = await startScriptedServer((request, response, number) => {
      if (number === 0) first(response);
      else if (request.method === "GET") answer(response, [{ id, title: "theirs" }]);
      else refuse(response, 400, 10014, "already exists");
    });
    const api = openTestClient(server.url);
    const idsBefore = before === undefined ? undefined : new Set(before);
    expect(await failure(api.createNamespace("theirs", { idsBefore }))).toMatchObject({ code: "namespace-exists" });
    await api.close();
  });

  it("whose deletion was answered into the void is gone", async () => {
    await using server = await startScriptedServer((_, response, number) => {
      if (number === 0) response.destroy();
      else refuse(response, 404, 10013);
    });
    const api = openTestClient(server.url);
    await api.deleteNamespace(id);
    expect(server.requests).toHaveLength(2);
    await api.close();
  });

  it("that was just created may be unknown for a while", async () => {
    await using server = await startScriptedServer((request, response, number) => {
      if (request.method === "POST") answer(response, { id, title: "new" });
      else if (number < 3) refuse(response, 404, 10013);
      else answer(response, []);
    });
    const api = openTestClient(server.url);
    await api.createNamespace("new");
    expect((await api.listKeys(id, {})).keys).toEqual([]);
    await api.close();
  });

  it.each([
    ["the number of pages", { total_pages: 2 }, 2],
    ["the number of namespaces", { total_count: 3, per_page: 2 }, 2],
    ["nothing", {}, 3],
  ])("list ends by %s", async (_, info, requests) => {
    const pages = [
      [
        { id, title: "a" },
        { id, title: "b" },
      ],
      [{ id, title: "c" }],
      [],
    ];
    await using server = await startScriptedServer((request, response) => {
      const page = Number(/[?&]page=(\d+)/.exec(request.target)?.[1]);
      answer(response, pages[page - 1], info);
    });
    const api = openTestClient(server.url);
    expect((await collect(api.listNamespaces())).map((namespace) => namespace.title)).toEqual(["a", "b", "c"]);
    expect(server.requests).toHaveLength(requests);
    await api.close();
  });

  it.each(["/cdn-cgi/explorer/api", "/cdn-cgi/local/explorer/api"])(
    "of wrangler dev is found at %s, without an account; a binding without an id is none",
    async (base) => {
      await using server = await startScriptedServer(({ target }, response) => {
        if (target.includes("/keys")) return answer(response, []);
        answer(
          response,
          [
            { id, title: "APP" },
            { id: "AUTO", title: "AUTO" },
          ],
          { count: 2 },
        );
      });
      const api = openTestClient(new URL(base, server.url).href);
      expect(await collect(api.listNamespaces())).toEqual([{ id, title: "APP" }]);
      await api.listKeys(id, {});
      const paths = server.requests.map((request) => request.target.split("?")[0]);
      expect(paths).toEqual([
        ...Array(2).fill(`${base}/storage/kv/namespaces`),
        `${base}/storage/kv/namespaces/${id}/keys`,
      ]);
      await api.close();
    },
  );
});
