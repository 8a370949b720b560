// Answers of the API: a status and a body, in the one envelope that all of them share but for values. Bodies are put
// together as strings, so that stored JSON (metadata) is spliced in and never parsed. A long value is read while it is sent.

import type { LongValue, StoredEntry } from "./store/store.ts";

import type { Feed } from "./feed/feeds.ts";

/** An answer as it will be sent. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array | LongValue;
  readonly headers?: Readonly<Record<string, string>>;
  /** What follows in place of `body`, for as long as both sides live. */
  readonly feed?: Feed;
}

const JSON_TYPE = "application/json";

/** 200 with the success envelope around `result`, which is JSON text; `resultInfo` likewise. */
export function success(result: string, resultInfo?: string): Answer {
  const info = resultInfo === undefined ? "" : `,"result_info":${resultInfo}`;
  return {
    status: 200,
    contentType: JSON_TYPE,
    body: `{"result":${result},"success":true,"errors":[],"messages":[]${info}}`,
  };
}

/** 200 with the bytes of a value. */
export function valueAnswer({ value, expiration }: StoredEntry): Answer {
  const answer = { status: 200, contentType: "application/octet-stream", body: value };
  return expiration === null ? answer : { ...answer, headers: { expiration: String(expiration) } };
}

export interface ApiError {
  readonly code: number;
  readonly message: string;
  readonly error_chain?: readonly { readonly code: number; readonly message: string }[];
}

export function failure(status: number, error: ApiError, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = JSON.stringify({ result: null, success: false, errors: [error], messages: [] });
  return { status, contentType: JSON_TYPE, body, headers };
}

/** A page as the gateway before the API gives it: no envelope, no JSON. */
export function gatewayPage(status: number, title: string): Answer {
  const body =
    `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n` +
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";
  return { status, contentType: "text/html", body };
}
