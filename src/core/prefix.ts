// How people write which keys they mean: `eu/` and `eu` are the folder, so that `eu` is not taken for `europe` as well;
// `eu*` is every key that begins with `eu`. Everywhere else a prefix is the plain text that keys begin with, as in the API.

/** The text that the keys begin with which `text` stands for. A key may have a `*` at the end of its own: `eu**`. */
export function parsePrefix(text: string): string {
  if (text.endsWith("*")) return text.slice(0, -1);
  return text === "" || text.endsWith("/") ? text : `${text}/`;
}

/** A text that {@link parsePrefix} makes `prefix` of. */
export function renderPrefix(prefix: string): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}*`;
}

/** `prod:app-config/eu/`, as a location is written. */
export function renderRemote(account: string, namespace: string, prefix: string): string {
  return `${account}:${namespace}${prefix === "" ? "" : `/${renderPrefix(prefix)}`}`;
}
