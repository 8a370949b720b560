// The API's envelope: `{ result, success, errors, messages, result_info }`. Bytes to a typed answer, or to why it is none.
// Matched by code, never by text: the texts have changed several times.

import { isUtf8 } from "node:buffer";
import { isJsonObject, parseJson } from "../core/json.ts";
import { type Json } from "../core/json-value.ts";

interface ApiMessage {
  readonly code: number | undefined;
  readonly message: string;
}

export type Envelope =
  | { readonly kind: "success"; readonly result: Json | undefined; readonly info: { readonly [name: string]: Json } }
  | { readonly kind: "failure"; readonly errors: readonly ApiMessage[]; readonly result: Json | undefined }
  /** No envelope at all: a gateway's HTML page, a cut answer. */
  | { readonly kind: "malformed"; readonly why: string };

export function parseEnvelope(bytes: Uint8Array): Envelope {
  if (!isUtf8(bytes)) return { kind: "malformed", why: "is not UTF-8" };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  let parsed: Json;
  try {
    parsed = parseJson(text);
  } catch {
    return { kind: "malformed", why: /^\s*</.test(text) ? "is an HTML page" : "is not JSON" };
  }
  if (!isJsonObject(parsed) || typeof parsed["success"] !== "boolean")
    return { kind: "malformed", why: "is not in the API's form" };
  const result = parsed["result"];
  if (!parsed["success"]) return { kind: "failure", errors: messages(parsed["errors"]), result };
  const info = parsed["result_info"];
  return { kind: "success", result, info: isJsonObject(info) ? info : {} };
}

function messages(errors: Json | undefined): ApiMessage[] {
  if (!Array.isArray(errors)) return [];
  return (errors as readonly Json[]).filter(isJsonObject).map(({ code, message }) => ({
    code: typeof code === "number" ? code : undefined,
    message: typeof message === "string" ? message : "",
  }));
}
