// JSON values as KV metadata holds them, and one canonical text for each, so that two can be compared as strings
// whatever order a server gives their properties in.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The compact JSON text of `value` with the properties of every object sorted by name. */
export function canonicalJson(value: Json): string {
  return JSON.stringify(sorted(value));
}

export function isJsonObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  // A null prototype and defineProperty-free entries keep a property named "__proto__" a property.
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
