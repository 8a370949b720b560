// Namespace ids: the one place where a string becomes one, so that no other string gets into a path.

import { AppError, visible } from "../core/errors.ts";
import type { NamespaceId } from "./kv-api.ts";

const pattern = /^[0-9a-f]{32}$/;

/** `text` as a namespace id (32 lower-case hexadecimal digits), or undefined if it is none. */
export function parseNamespaceId(text: string): NamespaceId | undefined {
  return pattern.test(text) ? (text as NamespaceId) : undefined;
}

/** @throws AppError `location-invalid` if `id`, whatever its type claims, is none. */
export function checkNamespaceId(id: NamespaceId): NamespaceId {
  if (pattern.test(id)) return id;
  throw new AppError("location-invalid", `"${visible(id)}" is no namespace id`, {
    hint: "an id has 32 hexadecimal digits; `kvsync namespace list` shows them",
  });
}
