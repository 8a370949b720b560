// KV Instant: namespaces of mode `instant`, which take less than usual ones (docs: /kv/platform/limits).

export const INSTANT = "instant";
export const INSTANT_KEY_BYTES_MAX = 300;
export const INSTANT_KEYS_MAX = 10_000;
export const INSTANT_BYTES_MAX = 1_000_000;
