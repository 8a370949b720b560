// Who asks, as an address.

import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { clientAddress } from "../../../../src/server/access/client-address.ts";

const from = (remoteAddress: string | undefined, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::1", "::1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  [undefined, "unknown"],
])("of the connection from %s it is %s", (peer, expected) => {
  expect(clientAddress(from(peer), false)).toBe(expected);
});

it("is not what anybody may send, unless a proxy is trusted", () => {
  expect(clientAddress(from("127.0.0.1", "203.0.113.1"), false)).toBe("127.0.0.1");
});

it.each([
  ["203.0.113.1", "203.0.113.1"],
  ["10.0.0.1, 203.0.113.1", "203.0.113.1"],
  ["10.0.0.1,203.0.113.1:4711", "203.0.113.1"],
  ["[2001:db8::1]:4711", "2001:db8:0:0::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["unknown", "127.0.0.1"],
  ["203.0.113.1, ", "127.0.0.1"],
])("behind a trusted proxy that says %j it is %s", (forwarded, expected) => {
  expect(clientAddress(from("127.0.0.1", forwarded), true)).toBe(expected);
});
