// A request's target as logs show it: without what anybody may have put into its query, a token for one.

import { visible } from "../../core/errors.ts";

const SHOWN = new Set([
  "page",
  "per_page",
  "order",
  "direction",
  "limit",
  "cursor",
  "prefix",
  "expiration",
  "expiration_ttl",
  "since",
]);

/** `/path?limit=10&...`: arguments that the API has not are not shown. Control characters are made visible. */
export function shownTarget(target: string): string {
  if (!target.includes("?")) return visible(target);
  const [path = "", ...rest] = target.split("?");
  const parts = rest.join("?").split("&");
  const shown = parts.map((part) => (SHOWN.has(part.split("=")[0] ?? "") ? part : "..."));
  return visible(`${path}?${shown.join("&")}`);
}
