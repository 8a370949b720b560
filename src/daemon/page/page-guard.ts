// What a request must show before anybody looks at what it asks for: that it was sent to this page by a name of this page, and, where it
// changes something, that this very page sent it. Pure: headers and addresses in, a refusal or none out.

import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { isLoopback } from "../../core/loopback.ts";

export interface PageNames {
  /** The address that is listened at, as the config says it. */
  readonly host: string;
  /** Names that a reverse proxy, or other machines, ask by. */
  readonly hosts: readonly string[];
}

/** Why it is refused, for people; undefined: its `Host` names this page. A web page whose own name was made to point here sends that name (DNS
 * rebinding); an address cannot be made to point elsewhere, and no site's name is a loopback one. Browsers ask by that also through a published port of a container, or a
 * tunnel, whose connections come in at another address. `localAddress`: where the connection came in. */
export function hostFault(
  header: string | undefined,
  { host, hosts }: PageNames,
  localAddress: string | undefined,
): string | undefined {
  const name = nameOf(header);
  if (name === undefined) return "a request must say which host it asks for";
  const address = localAddress?.replace(/^::ffff:/, "") ?? "";
  const isOwn =
    name === host.toLowerCase() || hosts.includes(name) || isLoopback(name) || (isIP(name) !== 0 && name === address);
  return isOwn ? undefined : "this page is not served under that name: add it to page.hosts of the config";
}

/** Why a request that changes something is refused, for people; undefined: the page itself sent it. */
export function originFault({ host, origin, ...headers }: IncomingHttpHeaders): string | undefined {
  if (origin === undefined) return "a request that changes something must come from the page: it has no Origin";
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return "a request that changes something must come from the page";
  const from = /^(https?):\/\/([^/]+)$/.exec(origin.toLowerCase());
  const wanted = host?.toLowerCase();
  if (from === null || wanted === undefined || bare(from[1]!, from[2]!) !== bare(from[1]!, wanted))
    return "a request that changes something must come from the page: its Origin is not its Host. A reverse proxy must pass the Host on";
  return undefined;
}

/** Another site's page may not read what is answered, but neither is it to hold a stream open. */
export function siteFault(headers: IncomingHttpHeaders): string | undefined {
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" ? undefined : "only the page itself may ask for this";
}

/** Whether the browser says that it asks over https: a proxy's, since the page itself is served over http. */
export function isOverHttps({ origin }: IncomingHttpHeaders): boolean {
  return origin?.toLowerCase().startsWith("https:") === true;
}

/** Whether names of keys may be read without a login: only where nobody but this machine's users can ask. What a proxy asks for comes from
 * this machine, but not for one of its users. */
export function isReadOpen({ host, hosts }: PageNames, headers: IncomingHttpHeaders): boolean {
  const isForwarded = FORWARDED.some((name) => headers[name] !== undefined);
  return isLoopback(host) && hosts.length === 0 && isLoopback(nameOf(headers.host) ?? "") && !isForwarded;
}

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/** The values of the cookies `name`: others may have set more of them. */
export function cookiesOf({ cookie }: IncomingHttpHeaders, name: string): readonly string[] {
  return (cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** Without the port, and without the brackets of an IPv6 address. */
function nameOf(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@]+)(:\d{1,5})?$/i.exec(header ?? "");
  return match?.[1]?.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

/** A browser leaves out the port that its scheme has anyway; a proxy may not. */
function bare(scheme: string, host: string): string {
  return host.replace(scheme === "https" ? /:443$/ : /:80$/, "");
}
