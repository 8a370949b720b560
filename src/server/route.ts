// From a raw request target to what it names. By hand, and on the bytes that came over the wire, since frameworks and
// `new URL()` normalise `..`, `%2e%2e` and `//`: then the DELETE of key `..` is the DELETE of its namespace.
//
// Nothing here removes a trailing slash or a dot segment: `/{ns}/` and `/{ns}/values/` name nothing.

import { malformedAccount } from "./refusal.ts";

export type RouteKind =
  | "namespaces"
  | "namespace"
  | "keys"
  | "metadata"
  | "value"
  | "bulk"
  | "bulk-delete"
  | "bulk-get"
  | "changes"
  | "accounts"
  | "memberships"
  | "verify-token"
  | "test-faults"
  /** An empty id or key after a slash: not found for GET, not allowed for all else, and never the route without the slash. */
  | "empty-name"
  | "unknown";

/** What a target names. Parts that a kind has not are "". */
export interface Route {
  readonly kind: RouteKind;
  readonly account: string;
  readonly namespaceId: string;
  /** As it was sent, still percent-encoded. */
  readonly rawKey: string;
  readonly query: string;
}

/** The path that everything is mounted under; targets without it are taken as well. */
export const MOUNT = "/client/v4";

const accountPattern = /^[A-Za-z0-9_-]{1,32}$/;

/** Whether an account of this id can be asked for. */
export function isAccountId(text: string): boolean {
  return accountPattern.test(text);
}
const namespacePattern = /^\/accounts\/([^/]*)\/storage\/kv\/namespaces(?:\/(.*))?$/s;

/** Reads the target of a request line. Throws a Refusal if it names a malformed account. */
export function parseTarget(target: string): Route {
  const [rawPath, query] = splitOnce(withoutOrigin(target), "?");
  // The gateway merges slashes before it does anything else; a base URL with a trailing slash gives `//accounts`.
  const merged = rawPath.replaceAll(/\/{2,}/g, "/");
  const path = merged.startsWith(`${MOUNT}/`) ? merged.slice(MOUNT.length) : merged;
  const found = namespacePattern.exec(path);
  if (found === null) return route(fixedPaths.get(path) ?? "unknown", { query });
  const [, account = "", rest] = found;
  if (!accountPattern.test(account)) throw malformedAccount(path);
  if (rest === undefined) return route("namespaces", { account, query });
  const [namespaceId, below] = splitOnce(rest, "/");
  const named = { account, namespaceId, query };
  if (namespaceId === "" || below === "")
    return route(rest.includes("/") || rest === "" ? "empty-name" : "namespace", named);
  return withinNamespace(named, below);
}

const fixedPaths: ReadonlyMap<string, RouteKind> = new Map([
  ["/accounts", "accounts"],
  ["/memberships", "memberships"],
  ["/user/tokens/verify", "verify-token"],
  ["/__test/faults", "test-faults"],
]);

const namespacePaths: ReadonlyMap<string, RouteKind> = new Map([
  ["keys", "keys"],
  ["bulk", "bulk"],
  ["bulk/delete", "bulk-delete"],
  ["bulk/get", "bulk-get"],
  ["changes", "changes"],
]);

function withinNamespace(named: Partial<Route>, below: string): Route {
  const fixed = namespacePaths.get(below);
  if (fixed !== undefined) return route(fixed, named);
  const [kind, rawKey] = splitOnce(below, "/");
  if ((kind !== "values" && kind !== "metadata") || below === kind) return route("unknown", named);
  if (rawKey === "") return route("empty-name", named);
  return route(kind === "values" ? "value" : "metadata", { ...named, rawKey });
}

function route(kind: RouteKind, parts: Partial<Route>): Route {
  return { kind, account: "", namespaceId: "", rawKey: "", query: "", ...parts };
}

/** The two sides of the first `separator`; the second is "" if there is none. */
function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** `http://host/path`, as a proxy is asked, without its origin. */
function withoutOrigin(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, "");
}

/** The key that `rawKey` encodes, or undefined if it has a broken percent sequence or is not UTF-8. `+` is a plus.
 * (Bytes beyond ASCII cannot come bare: node:http refuses them in a target.) */
export function decodeKey(rawKey: string): string | undefined {
  if (!rawKey.includes("%")) return rawKey;
  try {
    return decodeURIComponent(rawKey);
  } catch {
    return undefined; // decodeURIComponent throws for nothing else
  }
}
