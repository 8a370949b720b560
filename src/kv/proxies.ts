// Which proxy the environment asks for: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, each also in lower case, which wins. undici's
// EnvHttpProxyAgent follows them; here they are checked before it gets them, and told to people without their secrets.

import { AppError } from "../core/errors.ts";

/** Addresses of proxies, and who is reached without one; "" where there is none. */
export interface Proxies {
  readonly http: string;
  readonly https: string;
  readonly none: string;
}

/** Undefined: there is no proxy. @throws AppError `config-invalid` if one has no address that can be used */
export function parseProxies(env: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const http = parseProxy(env, "HTTP_PROXY");
  const https = parseProxy(env, "HTTPS_PROXY");
  return http === "" && https === "" ? undefined : { http, https, none: variable(env, "NO_PROXY") };
}

function variable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  return env[name.toLowerCase()] ?? env[name] ?? "";
}

function parseProxy(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const text = variable(env, name);
  if (text === "") return "";
  // curl takes an address without a scheme for http, and so do those who set these variables.
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && url.hostname !== "") return url.href;
  throw new AppError("config-invalid", `${name} is no address of an HTTP proxy`, {
    hint: "a proxy looks like http://proxy.example.com:3128",
  });
}

/** How requests to `baseUrl` go: through which proxy, named without user and password, or past it. */
export type ProxyRoute =
  | { readonly kind: "proxy"; readonly address: string; readonly variable: "HTTP_PROXY" | "HTTPS_PROXY" }
  | { readonly kind: "exempt" };

export function proxyRouteOf(baseUrl: string, proxies: Proxies): ProxyRoute {
  const url = new URL(baseUrl);
  if (isExempt(url, proxies.none)) return { kind: "exempt" };
  const isHttps = url.protocol === "https:" && proxies.https !== "";
  // undici sends https through HTTP_PROXY where HTTPS_PROXY is not set.
  const chosen = isHttps ? proxies.https : proxies.http;
  if (chosen === "") return { kind: "exempt" };
  return { kind: "proxy", address: new URL(chosen).origin, variable: isHttps ? "HTTPS_PROXY" : "HTTP_PROXY" };
}

/** As undici reads NO_PROXY: names that also mean what is below them, `*.name` for only that, a port, `*` for all. */
function isExempt({ protocol, hostname, port }: URL, none: string): boolean {
  const host = hostname.replace(/^\[(.+)\]$/, "$1").replace(/(.)\.$/, "$1");
  const hostPort = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  return none
    .toLowerCase()
    .split(/[,\s]/)
    .some((entry) => {
      const [, name = "", entryPort] =
        /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isBareIpv6(entry) ? `[${entry}]` : entry) ?? [];
      if (name === "" || (entryPort !== undefined && entryPort !== hostPort)) return false;
      if (name === "*") return true;
      const bare = name.replace(/^\*?\./, "").replace(/(.)\.$/, "$1");
      return (host === bare && !name.startsWith("*")) || host.endsWith(`.${bare}`);
    });
}

function isBareIpv6(entry: string): boolean {
  return !entry.startsWith("[") && entry.split(":").length > 2;
}
