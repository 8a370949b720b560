import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { deleteKeys } from "../../../src/kv/delete-keys.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, keyOf, pagesOf } from "../../support/values.ts";
import { openTestClient } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { answer, refuse, startScriptedServer } from "./scripted-server.ts";
import { manyPairs, openTransfer, pairOf } from "./transfer-fixture.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

describe("deleting keys", () => {
  it("takes one request for each 10,000, whether they exist or not", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(
        transfer,
        manyPairs(12_000, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    const before = transfer.api.counts();
    const keys = Array.from({ length: 11_999 }, (_, i) => keyOf(`k${i}`));
    const outcomes = await collect(deleteKeys(transfer, pagesOf(keys, [keyOf("never was")])));
    expect(outcomes).toHaveLength(12_000);
    expect(outcomes.every((outcome) => outcome.kind === "deleted")).toBe(true);
    expect(transfer.api.counts().total - before.total).toBe(2);
    expect(await transfer.names()).toEqual(["k11999"]);
  });

  it.each([404, 405])(
    "falls back to the old form where the new one is unknown (%s), and stays with it",
    async (status) => {
      await using server = await startScriptedServer((request, response) => {
        if (request.method === "POST") refuse(response, status, status === 405 ? 10000 : undefined);
        else answer(response, { successful_key_count: (JSON.parse(request.body.toString()) as []).length });
      });
      const clock = new HurriedClock();
      const api = openTestClient(server.url, { clock });
      const keys = Array.from({ length: 20_001 }, (_, i) => keyOf(`k${i}`));
      const outcomes = await collect(
        deleteKeys({ clock, api, namespaceId: id }, pagesOf(keys.slice(0, 3), keys.slice(3))),
      );
      expect(outcomes).toHaveLength(20_001);
      expect(server.requests.filter((request) => request.method === "DELETE")).toHaveLength(3);
      expect(server.requests.filter((request) => request.method === "POST").length).toBeLessThanOrEqual(3);
      await api.close();
    },
  );

  it("deletes a key by itself that the API refuses in a batch, and reports the one it refuses always", async () => {
    await using server = await startScriptedServer((request, response) => {
      const keys = JSON.parse(request.body.toString()) as string[];
      if (keys.includes("bad")) refuse(response, 400, 10042, "Illegal key name");
      else answer(response, { successful_key_count: keys.length, unsuccessful_keys: null });
    });
    const clock = new HurriedClock();
    const api = openTestClient(server.url, { clock });
    const outcomes = await collect(deleteKeys({ clock, api, namespaceId: id }, pagesOf(["a", "bad", "c"].map(keyOf))));
    expect(outcomes.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
      ["a", "deleted"],
      ["bad", "problem"],
      ["c", "deleted"],
    ]);
    await api.close();
  });
});
