// Writes and deletions that are sent once: what is not confirmed is told so, and nothing goes out a second time.

import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { deleteKeys } from "../../../src/kv/delete-keys.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { collect, keyOf, pagesOf } from "../../support/values.ts";
import { openTestClient } from "./client-fixture.ts";
import { answer, refuse, type Script, startScriptedServer } from "./scripted-server.ts";
import { manyPairs, pairOf } from "./transfer-fixture.ts";

const namespaceId = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;
const once = { once: { withinMs: 1000 } };

async function scripted(script: Script) {
  const server = await startScriptedServer(script);
  const clock = new HurriedClock();
  const api = openTestClient(server.url, { clock });
  return {
    requests: server.requests,
    deps: { clock, api, namespaceId },
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const ways = [
  ["a failure of the server", (_request, response) => refuse(response, 500, 10001)],
  ["a rate limit", (_request, response) => refuse(response, 429, undefined)],
  ["a timeout of the gateway", (_request, response) => refuse(response, 524, undefined)],
  ["a connection that breaks off", (_request, response) => response.socket?.destroy()],
] as const satisfies readonly (readonly [string, Script])[];

describe.each(ways)("after %s", (_, fail) => {
  it("no pair of the batch is sent again, and all others are", async () => {
    await using it = await scripted((request, response, number) =>
      number === 0 ? fail(request, response) : answer(response, { successful_key_count: null }),
    );
    const pairs = manyPairs(25_000, (i) => pairOf(`k${i}`, "v"));
    const outcomes = await collect(writePairs(it.deps, pairs, once));
    expect(outcomes).toHaveLength(25_000);
    const left = outcomes.flatMap((outcome) => (outcome.kind === "problem" ? [outcome.problem] : []));
    expect(left).toHaveLength(10_000);
    expect(new Set(left.map(({ code }) => code))).toEqual(new Set(["unconfirmed"]));
    const sent = it.requests.flatMap(({ body }) => JSON.parse(body.toString()) as { readonly key: string }[]);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(sent.length);
  });

  it("no key of the batch is deleted again", async () => {
    await using it = await scripted(fail);
    const outcomes = await collect(deleteKeys(it.deps, pagesOf(["a", "b"].map(keyOf)), once));
    expect(outcomes).toMatchObject(["a", "b"].map((key) => ({ key, problem: { code: "unconfirmed", subject: key } })));
    expect(it.requests).toHaveLength(1);
  });
});

it("what the API reports as unsuccessful is not sent again either", async () => {
  await using it = await scripted((_, response) =>
    answer(response, { successful_key_count: 1, unsuccessful_keys: ["a"] }),
  );
  const outcomes = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1"), pairOf("b", "2")]), once));
  expect(outcomes.map(({ key, kind }) => [key, kind]).sort()).toEqual([
    ["a", "problem"],
    ["b", "written"],
  ]);
  expect(it.requests).toHaveLength(1);
});

it.each([
  ["refuses", 400],
  ["finds too large", 413],
])("what the API %s is sent in parts, since nothing of it was done", async (_, status) => {
  await using it = await scripted((request, response) => {
    const pairs = JSON.parse(request.body.toString()) as readonly unknown[];
    if (pairs.length > 3) refuse(response, status, 10012);
    else answer(response, { successful_key_count: pairs.length, unsuccessful_keys: [] });
  });
  const pairs = manyPairs(20, (i) => pairOf(`k${i}`, "v"));
  const outcomes = await collect(writePairs(it.deps, pairs, once));
  expect(outcomes.filter(({ kind }) => kind === "written")).toHaveLength(20);
});

it("is not sent any more when it had to wait for the budget for too long", async () => {
  await using it = await scripted((_, response) => answer(response, { successful_key_count: null }));
  it.deps.api.budget.block(60_000);
  const late = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1")]), once));
  expect(late).toMatchObject([
    { problem: { code: "unconfirmed", message: expect.stringContaining("60 s") as string } },
  ]);
  expect(it.requests).toHaveLength(0);
  const next = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1")]), once));
  expect(next).toMatchObject([{ kind: "written" }]);
});

it("ends when nothing is answered any more", async () => {
  await using it = await scripted((_, response) => refuse(response, 503, undefined));
  const outcomes: unknown[] = [];
  const written = writePairs(
    it.deps,
    manyPairs(200_000, (i) => pairOf(`k${i}`, "v")),
    once,
  );
  await expect(
    (async () => {
      for await (const page of written) outcomes.push(...page);
    })(),
  ).rejects.toMatchObject({ code: "api-error", status: 503 });
  expect(it.requests.length).toBeLessThanOrEqual(12);
  expect(outcomes.length).toBeLessThanOrEqual(120_000);
});
