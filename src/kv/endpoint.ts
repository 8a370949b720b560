// Where the API is and who asks: the address, the account and the credentials, checked before anything is sent, since
// each of them ends up in a path or in a header.

import { AppError, visible } from "../core/errors.ts";

export type Credentials =
  /** An API token, or an OAuth access token. */
  | { readonly kind: "token"; readonly token: string }
  /** The legacy global API key. */
  | { readonly kind: "key"; readonly email: string; readonly key: string };

export interface Endpoint {
  readonly origin: string;
  /** For messages: without scheme, path and secrets. */
  readonly host: string;
  /** Without a trailing slash. */
  readonly basePath: string;
  readonly accountId: string;
}

/** @throws AppError `config-invalid` */
export function parseEndpoint(baseUrl: string, accountId: string): Endpoint {
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new AppError("config-invalid", `"${visible(withoutUserInfo(baseUrl))}" is no address of an API`, {
      hint: "an endpoint looks like https://api.cloudflare.com/client/v4",
    });
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw new AppError("config-invalid", `the endpoint at ${url.host} has a user, a query or a fragment`, {
      hint: "give the credentials as api_token, and the address up to /client/v4",
    });
  // Cloudflare's ids have 32 hexadecimal digits; other servers, and tests, use other names.
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(accountId))
    throw new AppError("config-invalid", `"${visible(accountId)}" is no account id`, {
      hint: "an account id has 32 hexadecimal digits; the dashboard shows it beside the account's name",
    });
  return { origin: url.origin, host: url.host, basePath: url.pathname.replace(/\/+$/, ""), accountId };
}

/** The headers of every request. @throws AppError `config-invalid`, without the secret */
export function headersFor(credentials: Credentials): Readonly<Record<string, string>> {
  for (const secret of secretsOf(credentials)) checkHeaderText(secret);
  // Without a word on encodings, a gateway may choose one.
  const own = { accept: "*/*", "accept-encoding": "identity", "user-agent": "kvsync" };
  switch (credentials.kind) {
    case "token":
      return { ...own, authorization: `Bearer ${credentials.token}` };
    case "key":
      checkHeaderText(credentials.email);
      return { ...own, "x-auth-email": credentials.email, "x-auth-key": credentials.key };
  }
}

/** What must never be shown. */
export function secretsOf(credentials: Credentials): readonly string[] {
  return [credentials.kind === "token" ? credentials.token : credentials.key];
}

function checkHeaderText(text: string): void {
  if (/^[\x21-\x7e]+$/.test(text)) return;
  throw new AppError("config-invalid", "the credentials are empty, or hold characters that no header can", {
    hint: "look for a line break or a space around the token",
  });
}

function withoutUserInfo(text: string): string {
  return text.replace(/\/\/[^/@]*@/, "//");
}
