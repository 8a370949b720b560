// Which names and addresses stand for this machine alone.

import { isIPv4 } from "node:net";

/** `host`: a name or address without a port, IPv6 with or without brackets. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/** Whether a `Host` header, with or without a port, names this machine. HTTP/1.0 may go without it. A web page whose own
 * name was made to point here sends that name (DNS rebinding), so that this tells it from a program of this machine. */
export function isLoopbackHost(header: string | undefined): boolean {
  return header === undefined || isLoopback(header.replace(/:\d+$/, ""));
}
