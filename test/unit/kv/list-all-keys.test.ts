import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { listAllKeys } from "../../../src/kv/list-all-keys.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { collect } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { answer, type ScriptedServer, startScriptedServer } from "./scripted-server.ts";
import { manyPairs, openTransfer, pairOf } from "./transfer-fixture.ts";

const clock = new HurriedClock();
const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

/** A server that answers with these pages, one after the other; each is keys and a cursor. */
const paged = (pages: readonly (readonly [readonly string[], string | null | undefined])[]): Promise<ScriptedServer> =>
  startScriptedServer((_, response, number) => {
    const [names, cursor] = pages[number] ?? [[], ""];
    answer(
      response,
      names.map((name) => ({ name })),
      { count: names.length, cursor },
    );
  });

async function list(server: ScriptedServer, prefix?: string): Promise<string[]> {
  const api = openTestClient(server.url);
  try {
    const query = { namespaceId: id, ...(prefix === undefined ? {} : { prefix }) };
    return (await collect(listAllKeys({ clock, api }, query))).map((key) => key.name);
  } finally {
    await api.close();
  }
}

describe("listing all keys", () => {
  it("takes one request for each 1,000", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(
        transfer,
        manyPairs(3001, (i) => pairOf(`k${i}`, "")),
      ),
    );
    const before = transfer.api.counts().list;
    expect(await transfer.names()).toHaveLength(3001);
    expect(transfer.api.counts().list - before).toBe(4);
  });

  it("goes on over empty and short pages until the cursor is empty", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(
        transfer,
        manyPairs(2500, (i) => pairOf(`k${i}`, "")),
      ),
    );
    transfer.server.setFaults({
      rules: [
        { kind: "empty-page", every: 2 },
        { kind: "short-page", every: 3, keys: 7 },
      ],
    });
    expect(new Set(await transfer.names()).size).toBe(2500);
  });

  it.each([[""], [null], [undefined]])("ends with the cursor %o", async (cursor) => {
    await using server = await paged([
      [["a"], "1"],
      [[], "2"],
      [["b"], cursor],
    ]);
    expect(await list(server)).toEqual(["a", "b"]);
  });

  it("sends prefix, limit and cursor with every page", async () => {
    await using server = await paged([
      [["p/a"], "c+/="],
      [["p/b"], ""],
    ]);
    await list(server, "p/");
    expect(server.requests.map((request) => request.target.split("?")[1])).toEqual([
      "prefix=p%2F&limit=1000",
      "prefix=p%2F&limit=1000&cursor=c%2B%2F%3D",
    ]);
  });

  it.each<[string, readonly (readonly [readonly string[], string])[]]>([
    [
      "a cursor that comes twice",
      [
        [["a"], "1"],
        [["b"], "2"],
        [["c"], "1"],
      ],
    ],
    [
      "the same cursor again",
      [
        [["a"], "1"],
        [[], "1"],
      ],
    ],
    ["keys out of order in a page", [[["b", "a"], ""]]],
    [
      "keys out of order between pages",
      [
        [["b"], "1"],
        [["a"], ""],
      ],
    ],
    [
      "a key twice",
      [
        [["a"], "1"],
        [["a"], ""],
      ],
    ],
    ["keys in UTF-16 order", [[["\u{10000}", "\uffff"], ""]]],
  ])("proves nothing by %s", async (_, pages) => {
    await using server = await paged(pages);
    expect(await failure(list(server))).toMatchObject({ code: "api-malformed" });
  });

  it("proves nothing by keys that are not under the prefix", async () => {
    await using server = await paged([[["p/a", "q"], ""]]);
    expect((await failure(list(server, "p/"))).code).toBe("api-malformed");
  });

  it("proves nothing by empty pages without an end, each with a fresh cursor", async () => {
    await using server = await startScriptedServer((_, response, number) =>
      // A key now and then is progress.
      answer(response, number === 500 ? [{ name: "k" }] : [], { cursor: `c${number}` }),
    );
    const error = await failure(list(server));
    expect(error).toMatchObject({ code: "api-malformed", retryable: true });
    expect(error.message).toContain("1000 pages in a row were empty, and each said that more would follow");
    expect(server.requests.length).toBeGreaterThanOrEqual(1501);
    expect(server.requests.length).toBeLessThanOrEqual(1502);
  });

  it("proves nothing by an hour of empty pages", async () => {
    await using server = await startScriptedServer((_, response, number) => {
      clock.jump(3_600_001);
      void clock.sleep(60_000);
      answer(response, [], { cursor: `c${number}` });
    });
    const error = await failure(list(server));
    expect(error.message).toContain("no key came for an hour");
    expect(server.requests.length).toBeGreaterThan(60);
    expect(server.requests.length).toBeLessThan(65);
  });

  it("asks for the next page while this one is used, and for none when it is left", async () => {
    await using server = await paged([
      [["a"], "1"],
      [["b"], "2"],
      [["c"], ""],
    ]);
    const api = openTestClient(server.url);
    for await (const page of listAllKeys({ clock, api }, { namespaceId: id })) {
      expect(page).toHaveLength(1);
      while (server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
      break;
    }
    expect(server.requests).toHaveLength(2);
    await api.close();
  });
});
