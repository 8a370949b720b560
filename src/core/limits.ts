// The limits of Workers KV, each with its source. Cloudflare's documentation is "docs"; where docs are silent the
// value is what clients were seen to be held to.

/** A key is 1 to 512 bytes of UTF-8 (docs: /kv/platform/limits). */
export const KEY_BYTES_MAX = 512;
/** A value is at most 25 MiB, inclusive (docs; OpenAPI maxLength 26214400). */
export const VALUE_BYTES_MAX = 26_214_400;
/** Metadata is at most 1,024 bytes of serialised JSON (docs). */
export const METADATA_BYTES_MAX = 1024;
/** An expiration must lie at least 60 seconds ahead (docs). */
export const EXPIRATION_AHEAD_SECONDS_MIN = 60;
/** A list page holds at most 1,000 keys (OpenAPI). */
export const LIST_PAGE_KEYS_MAX = 1000;
/** The least that may be asked for in one page of a listing. */
export const LIST_LIMIT_MIN = 10;
/** A bulk write or a bulk delete takes at most 10,000 items (OpenAPI). */
export const BULK_ITEMS_MAX = 10_000;
/** A request body is at most 100 MB at the gateway; whether decimal or binary is unknown, so stay below both. */
export const BULK_BODY_BYTES_MAX = 95_000_000;
/** A bulk get takes at most 100 keys (OpenAPI). */
export const BULK_GET_KEYS_MAX = 100;
/** A bulk get returns at most 25 MB of values (docs); stay below the decimal reading of it. */
export const BULK_GET_BYTES_MAX = 24_000_000;
/** A namespace title has at most 512 characters (OpenAPI). */
export const TITLE_CHARS_MAX = 512;
/** An account has at most 1,000 namespaces (docs: /kv/platform/limits). */
export const NAMESPACES_MAX = 1000;
/** The API allows 1,200 requests in five minutes per user (docs: /fundamentals/api/reference/limits). */
export const BUDGET_REQUESTS = 1200;
export const BUDGET_WINDOW_MS = 300_000;

/** A larger expiration is a time in milliseconds: as seconds it lies after the year 5100. */
export const EXPIRATION_SECONDS_PLAUSIBLE_MAX = 1e11;
