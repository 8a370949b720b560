// Where the status page is served, as it is written in the config and on the command line.

import { isIPv4, isIPv6 } from "node:net";
import { visible } from "../core/errors.ts";
import type { Parsed } from "../core/units.ts";
import type { ListenAddress } from "./config.ts";

/** The host is this machine, so that nobody else can reach it, unless the config says otherwise. */
export const PAGE_ADDRESS_DEFAULT: ListenAddress = { host: "127.0.0.1", port: 9478 };

/** `9478`, `127.0.0.1:9478`, `[::1]:9478` or `localhost:9478`. */
export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const host = (match?.[1] ?? PAGE_ADDRESS_DEFAULT.host).replace(/^\[(.*)\]$/, "$1");
  const isHost = match?.[1]?.startsWith("[") === true ? isIPv6(host) : isIPv4(host) || isHostName(host);
  if (match !== null && port < 65_536 && isHost) return { kind: "value", value: { host, port } };
  return {
    kind: "fault",
    message: `"${visible(text)}" is no address: write a port, or HOST:PORT, as in 127.0.0.1:9478 or [::1]:9478`,
  };
}

/** As it is written in a URL. */
export function renderListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** As a browser sends it, without a port: letters, digits, dashes and dots. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}
