// The environment's proxies: what is taken for one, and that what people are told is what undici does.

import { describe, expect, it } from "vitest";
import { parseProxies, proxyRouteOf } from "../../../src/kv/proxies.ts";
import { openTransport } from "../../../src/kv/transport.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startProxy } from "../../support/proxy.ts";

describe("the variables", () => {
  it.each([
    [{}, undefined],
    [{ NO_PROXY: "*" }, undefined],
    [{ HTTPS_PROXY: "" }, undefined],
    [{ HTTPS_PROXY: "http://p:3128" }, { http: "", https: "http://p:3128/", none: "" }],
    [
      { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:2" },
      { http: "", https: "http://low:1/", none: "" },
    ],
    [{ https_proxy: "", HTTPS_PROXY: "http://up:2" }, undefined],
    [
      { HTTP_PROXY: "p.test:3128", no_proxy: "a,b" },
      { http: "http://p.test:3128/", https: "", none: "a,b" },
    ],
  ])("%o", (env, proxies) => {
    expect(parseProxies(env)).toEqual(proxies);
  });

  it.each(["http://", "socks5://p:1", "http://p:99999", "ftp://p"])("%s is no proxy", (text) => {
    expect(() => parseProxies({ HTTP_PROXY: text })).toThrow("HTTP_PROXY is no address of an HTTP proxy");
  });
});

it("https goes through HTTP_PROXY where there is no other, and is named without secrets", () => {
  const proxies = parseProxies({ HTTP_PROXY: "http://me:s3cr3t@p:3128" })!;
  const route = { kind: "proxy", address: "http://p:3128", variable: "HTTP_PROXY" };
  expect(proxyRouteOf("https://api.test/v4", proxies)).toEqual(route);
});

it.each([
  ["http://kv.invalid", ""],
  ["http://kv.invalid", "kv.invalid"],
  ["http://kv.invalid", "KV.Invalid"],
  ["http://kv.invalid.", "kv.invalid"],
  ["http://kv.invalid", "kv.invalid."],
  ["http://kv.invalid", ".invalid"],
  ["http://kv.invalid", "invalid"],
  ["http://kv.invalid", "*.invalid"],
  ["http://kv.invalid", "*.kv.invalid"],
  ["http://kv.invalid", "v.invalid"],
  ["http://kv.invalid", "other.invalid *"],
  ["http://kv.invalid", "*:80"],
  ["http://kv.invalid:8080", "*:80"],
  ["http://kv.invalid:8080", "kv.invalid:8080"],
  ["http://kv.invalid:8080", "kv.invalid:80"],
  ["http://kv.invalid", "kv.invalid:80,x"],
  ["http://[::1]:9", "::1"],
  ["http://[::1]:9", "[::1]:9"],
  ["http://[::1]:9", "[::1]:10"],
  ["http://127.0.0.1:9", "127.0.0.1"],
  ["http://127.0.0.1:9", "127.0.0.0/8"],
  ["http://127.0.0.1:9", "localhost"],
  ["https://kv.invalid", "kv.invalid:443"],
])("%s with NO_PROXY=%s goes the way that is told", async (origin, none) => {
  await using proxy = await startProxy();
  const proxies = { http: proxy.url, https: "", none };
  const transport = openTransport({
    clock: new FakeClock(),
    origin,
    proxies,
    connectTimeoutMs: 2000,
    headersTimeoutMs: 2000,
    bodyTimeoutMs: 2000,
    onBytesUp: () => undefined,
    onBytesDown: () => undefined,
  });
  // Nobody is there: only the way to nowhere matters.
  await transport.send({ method: "GET", path: "/", headers: {} }).catch(() => undefined);
  await transport.close();
  expect(proxyRouteOf(origin, proxies).kind).toBe(proxy.asked.length > 0 ? "proxy" : "exempt");
});
