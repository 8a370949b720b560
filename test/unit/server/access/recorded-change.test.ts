// What is told of changes: who asked for what, and what the store has done, whatever was answered.

import { afterEach, expect, it } from "vitest";
import type { Change } from "../../../../src/server/access/recorded-change.ts";
import type { FaultPlan } from "../../../../src/server/faults.ts";
import { type Kv, openKv } from "../kv-fixture.ts";

let kv: Kv;
let changes: Change[] = [];
afterEach(() => kv.close());

async function open(faults?: FaultPlan): Promise<void> {
  changes = [];
  kv = await openKv({ onChange: (change) => changes.push(change), ...(faults === undefined ? {} : { faults }) });
  changes.length = 0;
}

it("has each operation that changes something, and none that reads", async () => {
  await open();
  await kv.put("k", "v");
  await kv.json("PUT", "/bulk", [
    { key: "a", value: "1" },
    { key: "b", value: "2" },
  ]);
  await kv.call("PUT", `/${kv.id}/values/long`, { body: Buffer.alloc(3_000_000) });
  await kv.get("k");
  await kv.names();
  await kv.json("POST", "/bulk/get", { keys: ["a"] });
  await kv.call("DELETE", `/${kv.id}/values/k`);
  await kv.json("POST", "/bulk/delete", ["a", "b", "c"]);
  await kv.json("PUT", "", { title: "other" });
  await kv.call("DELETE", `/${kv.id}`);
  const known = {
    account: "testaccount",
    namespace: kv.id,
    by: "any token",
    from: "127.0.0.1",
    isDone: true,
    status: 200,
  };
  expect(changes).toMatchObject([
    { ...known, operation: "write", title: "test", key: "k", keys: undefined },
    { ...known, operation: "bulkWrite", title: "test", key: undefined, keys: 2 },
    { ...known, operation: "write", title: "test", key: "long" },
    { ...known, operation: "delete", title: "test", key: "k" },
    { ...known, operation: "bulkDelete", title: "test", keys: 3 },
    { ...known, operation: "namespaceRename", title: "test", newTitle: "other" },
    { ...known, operation: "namespaceDelete", title: "other" },
  ]);
});

it("has what was refused, and says that nothing was done", async () => {
  await open();
  await kv.call("PUT", `/${kv.id}/values/k?expiration_ttl=1`, { body: "v" });
  await kv.json("PUT", "/bulk", { no: "array" });
  await kv.call("DELETE", `/${"0".repeat(32)}/values/k`);
  await kv.call("POST", "", { body: '{"title":"test"}' });
  expect(changes).toMatchObject([
    { operation: "write", key: "k", isDone: false, status: 400 },
    { operation: "bulkWrite", keys: undefined, isDone: false, status: 400 },
    { operation: "delete", title: undefined, namespace: "0".repeat(32), isDone: false, status: 404 },
    { operation: "namespaceCreate", namespace: undefined, newTitle: "test", isDone: false, status: 400 },
  ]);
});

it("says what was done though another answer was given, and what was not", async () => {
  await open({
    rules: [
      { kind: "server-error", applied: "all", first: 1 },
      { kind: "bad-gateway", after: 1 },
    ],
  });
  await kv.call("PUT", `/${kv.id}/values/k`, { body: "v" });
  await kv.call("PUT", `/${kv.id}/values/k`, { body: "w" });
  kv.server.setFaults({});
  expect(changes).toMatchObject([
    { operation: "write", isDone: true, status: 500 },
    { operation: "write", isDone: false, status: 502 },
  ]);
  expect(await kv.get("k")).toBe("v");
});
