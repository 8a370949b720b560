// Endpoints: which URLs may be spoken to, and to which a secret may be sent.

import type { Endpoint } from "./config.ts";

export const DEFAULT_ENDPOINT = "https://api.cloudflare.com/client/v4";

export type ParsedEndpoint =
  | { readonly kind: "value"; readonly value: Endpoint }
  | { readonly kind: "fault"; readonly message: string };

/** "embedded", or an http or https URL without credentials, query and fragment. */
export function parseEndpoint(text: string): ParsedEndpoint {
  if (text === "embedded") return { kind: "value", value: { kind: "embedded" } };
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return { kind: "fault", message: `"${text}" is no endpoint: write embedded, or a URL such as ${DEFAULT_ENDPOINT}` };
  }
  if (url.username !== "" || url.password !== "") {
    return { kind: "fault", message: "must hold no user name or password: use api_token" };
  }
  if (url.search !== "" || url.hash !== "") return { kind: "fault", message: "must hold no query and no fragment" };
  return { kind: "value", value: { kind: "remote", baseUrl: url.href.replace(/\/+$/, "") } };
}

/** Whether what is sent to `baseUrl` can be read on the way: plain http to another machine. */
export function isOpenToEavesdroppers(baseUrl: string): boolean {
  const { protocol, hostname } = new URL(baseUrl);
  return protocol === "http:" && !isLoopback(hostname);
}

/** Whether the server is in this process or on this machine. */
export function isLocal(endpoint: Endpoint): boolean {
  return endpoint.kind === "embedded" || isLoopback(new URL(endpoint.baseUrl).hostname);
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}
