// The room of large answers is given back, whatever becomes of those who wait for it.

import { request, type ClientRequest } from "node:http";
import { afterEach, expect, it } from "vitest";
import { type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;
const asked: ClientRequest[] = [];
afterEach(async () => {
  for (const each of asked.splice(0)) each.destroy();
  await kv.close();
});

/** A bulk get of a large value, by a client that does not read its answer. Resolves when the server has received it. */
async function ask(): Promise<ClientRequest> {
  const body = JSON.stringify({ keys: ["large"] });
  const before = kv.server.counts().bulkGet;
  const sent = request({
    port: kv.server.port,
    agent: false,
    method: "POST",
    path: `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/bulk/get`,
    headers: { authorization: `Bearer ${kv.server.token}`, "content-length": body.length },
  });
  asked.push(sent);
  sent.on("response", (answer) => void answer.pause()).on("error", () => undefined);
  sent.end(body);
  while (kv.server.counts().bulkGet === before) await new Promise((resolve) => setImmediate(resolve));
  return sent;
}

it("is not waited for by small answers", async () => {
  kv = await openKv({ validate: false });
  await kv.put("large", "x".repeat(24_000_000));
  await kv.put("small", "v");
  for (let i = 0; i < 5; i++) await ask();
  const { result } = await kv.json("POST", "/bulk/get", { keys: ["small", "none"] });
  expect(result.values).toEqual({ small: "v", none: null });
});

it("is given back also by those who go away while they wait", async () => {
  kv = await openKv({ validate: false });
  await kv.put("large", "x".repeat(24_000_000));
  const holding = [await ask(), await ask(), await ask()];
  const waiting = [await ask(), await ask(), await ask(), await ask()];
  for (const each of waiting) each.destroy();
  // The server has seen that they are gone when it answers another request.
  await kv.names();
  for (const each of holding) each.destroy();
  const { result } = await kv.json("POST", "/bulk/get", { keys: ["large"] });
  expect(result.values.large).toHaveLength(24_000_000);
});
