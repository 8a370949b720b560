// A feed ends within a second when whoever asked for it may not see the namespace any more.

import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../../src/core/clock.ts";
import type { TokenGrant } from "../../../../src/server/access/rights.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startTestServer, type TestServer } from "../../../support/server.ts";
import { type Kv, rawCall, withNamespace } from "../kv-fixture.ts";
import { openFeed } from "./feed-client.ts";

const grant = (name: string, rest: Partial<TokenGrant> = {}): TokenGrant => ({
  name,
  sha256: hash("sha256", name, "hex"),
  access: "edit",
  ...rest,
});
const headers = { authorization: "Bearer apps" };

let clock: FakeClock;
let server: TestServer;
let kv: Kv;

beforeEach(async () => {
  clock = new FakeClock();
  server = await startTestServer({ clock, token: "owner", tokens: [grant("owner")] });
  kv = withNamespace(server, await server.createNamespace("app-1"));
});
afterEach(() => server.close());

const rename = (title: string): Promise<unknown> => kv.json("PUT", "", { title });

describe("a feed of a token with a glob", () => {
  it.each<[string, () => unknown]>([
    ["when the token is taken out", () => server.setTokens([grant("owner")])],
    ["when the token is given other rights", () => server.setTokens([grant("apps", { namespaces: ["x"] })])],
    ["when the namespace gets a title beyond the glob", () => rename("prod")],
  ])("ends %s", async (_, change) => {
    server.setTokens([grant("owner"), grant("apps", { namespaces: ["app-*"] })]);
    const feed = await openFeed(kv, { headers });
    expect((await feed.next())?.event).toBe("ready");
    await clock.advance(5000);
    await change();
    await clock.advance(1000);
    expect(await feed.next()).toBeUndefined();
  });

  it("goes on under another title that the token may see", async () => {
    server.setTokens([grant("owner"), grant("apps", { namespaces: ["app-*"] })]);
    const feed = await openFeed(kv, { headers });
    expect((await feed.next())?.event).toBe("ready");
    await rename("app-2");
    await clock.advance(5000);
    await kv.put("k", "v");
    await clock.advance(1000);
    expect((await feed.next())?.data).toEqual({ keys: ["k"] });
    feed.close();
  });
});

it("a feed of a token that expires ends within a second after that", async () => {
  server.setTokens([grant("owner"), grant("apps", { expires: (clock.now() + 60_000) as EpochMs })]);
  const feed = await openFeed(kv, { headers });
  expect((await feed.next())?.event).toBe("ready");
  await clock.advance(61_000);
  expect(await feed.next()).toBeUndefined();
});

it("of a namespace that a token may not see there is no feed", async () => {
  server.setTokens([grant("owner"), grant("apps", { namespaces: ["prod"] })]);
  const path = `${new URL(server.namespacesUrl).pathname}/${kv.id}/changes`;
  expect((await rawCall(server.port, "GET", path, { headers })).status).toBe(404);
});
