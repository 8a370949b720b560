// Who asks, as an address: that of the connection, or, behind a reverse proxy that is trusted, what the proxy says of its own client. Of IPv6
// it is the /64, the whole of which one customer has.

import type { IncomingMessage } from "node:http";
import { isIPv4, isIPv6 } from "node:net";

/** With `trustProxy` the last hop of X-Forwarded-For, which the nearest proxy has added: what stands before it, anybody can send. */
export function clientAddress({ headers, socket }: IncomingMessage, trustProxy: boolean): string {
  const peer = networkOf(socket.remoteAddress ?? "") ?? "unknown";
  if (!trustProxy) return peer;
  const forwarded = headers["x-forwarded-for"];
  const hops = typeof forwarded === "string" ? forwarded.split(",") : (forwarded ?? []);
  return networkOf(withoutPort(hops.at(-1)?.trim() ?? "")) ?? peer;
}

/** `1.2.3.4:567`, `[::1]:567` and `[::1]` without what is no address. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

/** Undefined: it is no address. */
function networkOf(address: string): string | undefined {
  if (isIPv4(address)) return address;
  const bare = address.replace(/%.*$/, "");
  if (!isIPv6(bare)) return undefined;
  // The short form, with an IPv4 address in it as two groups.
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  if (short === "::1") return short;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped !== null) return mapped.slice(1).flatMap(twoBytes).join(".");
  const [before = "", after] = short.split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => "0"), ...tail];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

function twoBytes(group: string): readonly number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 255];
}
