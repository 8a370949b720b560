// By which names the page is asked, what came from the page itself, and where reading needs no login.

import { describe, expect, it } from "vitest";
import { cookiesOf, hostFault, isOverHttps, isReadOpen, originFault } from "../../../../src/daemon/page/page-guard.ts";

const loopback = { host: "127.0.0.1", hosts: [] };

describe("the Host of a request", () => {
  it.each([
    ["127.0.0.1:9478", loopback, "127.0.0.1"],
    ["localhost:9478", loopback, "127.0.0.1"],
    ["LocalHost", loopback, "::ffff:127.0.0.1"],
    // Through a tunnel, which has a port of its own.
    ["localhost:8000", loopback, "127.0.0.1"],
    ["[::1]:9478", { host: "::1", hosts: [] }, "::1"],
    ["192.168.1.5:9478", { host: "192.168.1.5", hosts: [] }, "192.168.1.5"],
    ["192.168.1.5:9478", { host: "0.0.0.0", hosts: [] }, "192.168.1.5"],
    ["[fd00::5]:9478", { host: "::", hosts: [] }, "fd00::5"],
    ["localhost:9478", { host: "0.0.0.0", hosts: [] }, "127.0.0.1"],
    // Through a published port of a container.
    ["localhost:9478", { host: "0.0.0.0", hosts: [] }, "172.17.0.2"],
    ["127.0.0.1:8000", { host: "0.0.0.0", hosts: [] }, "::ffff:172.17.0.2"],
    ["kvsync.example.com", { host: "127.0.0.1", hosts: ["kvsync.example.com"] }, "127.0.0.1"],
    ["KVsync.example.com:443", { host: "127.0.0.1", hosts: ["kvsync.example.com"] }, "127.0.0.1"],
  ])("%s names the page at %j", (header, names, localAddress) => {
    expect(hostFault(header, names, localAddress)).toBeUndefined();
  });

  it.each([
    [undefined, loopback, "127.0.0.1"],
    ["", loopback, "127.0.0.1"],
    ["evil.example:9478", loopback, "127.0.0.1"],
    ["localhost.evil.example", loopback, "127.0.0.1"],
    ["127.0.0.1.evil.example", loopback, "127.0.0.1"],
    ["evil.example@127.0.0.1", loopback, "127.0.0.1"],
    ["127.0.0.1:9478, evil.example", loopback, "127.0.0.1"],
    ["192.168.1.6:9478", { host: "0.0.0.0", hosts: [] }, "192.168.1.5"],
    ["other.example.com", { host: "127.0.0.1", hosts: ["kvsync.example.com"] }, "127.0.0.1"],
    ["sub.kvsync.example.com", { host: "127.0.0.1", hosts: ["kvsync.example.com"] }, "127.0.0.1"],
  ])("%s does not name the page at %j", (header, names, localAddress) => {
    expect(hostFault(header, names, localAddress)).toBeDefined();
  });
});

describe("a request that changes something", () => {
  it.each([
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478", "sec-fetch-site": "same-origin" },
    { host: "kvsync.example.com", origin: "https://kvsync.example.com" },
    { host: "KVsync.example.com:443", origin: "https://kvsync.example.com" },
    { host: "kvsync.example.com:80", origin: "http://kvsync.example.com" },
    { host: "[::1]:9478", origin: "http://[::1]:9478" },
  ])("is the page's own with %j", (headers) => {
    expect(originFault(headers)).toBeUndefined();
  });

  it.each([
    { host: "127.0.0.1:9478" },
    { host: "127.0.0.1:9478", origin: "null" },
    { host: "127.0.0.1:9478", origin: "" },
    { host: "127.0.0.1:9478", origin: "http://evil.example" },
    { host: "127.0.0.1:9478", origin: "http://localhost:9478" },
    // Another program's page on this machine.
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:3000" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478/" },
    { host: "127.0.0.1:9478", origin: "ftp://127.0.0.1:9478" },
    { host: "kvsync.example.com:443", origin: "http://kvsync.example.com" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478", "sec-fetch-site": "same-site" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478", "sec-fetch-site": "cross-site" },
    { host: "127.0.0.1:9478", origin: "http://127.0.0.1:9478", "sec-fetch-site": "none" },
    { origin: "http://127.0.0.1:9478" },
  ])("is refused with %j", (headers) => {
    expect(originFault(headers)).toBeDefined();
  });
});

it("reading needs no login where only this machine's users can ask", () => {
  const local = { host: "localhost:9478" };
  expect(isReadOpen(loopback, local)).toBe(true);
  expect(isReadOpen({ host: "0.0.0.0", hosts: [] }, local)).toBe(false);
  // A proxy asks from this machine, but not for one of its users.
  expect(isReadOpen({ host: "127.0.0.1", hosts: ["kvsync.example.com"] }, local)).toBe(false);
  for (const header of ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via"])
    expect(isReadOpen(loopback, { ...local, [header]: "" })).toBe(false);
});

it("the browser's own Origin says whether it asks over https, and no header of a proxy does", () => {
  expect(isOverHttps({ origin: "https://kvsync.example.com" })).toBe(true);
  expect(isOverHttps({ origin: "http://kvsync.example.com", "x-forwarded-proto": "https" })).toBe(false);
  expect(isOverHttps({})).toBe(false);
});

it("all cookies of a name are found, and those of names that begin like it are not", () => {
  const cookie = "a=1; kvsync_session_1=x; kvsync_session_12=y;kvsync_session_1=z; kvsync_session_1";
  expect(cookiesOf({ cookie }, "kvsync_session_1")).toEqual(["x", "z"]);
  expect(cookiesOf({}, "kvsync_session_1")).toEqual([]);
});
