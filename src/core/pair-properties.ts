// What a key has beside its value, by the names that the API and wrangler give it, and the names that people write instead: in
// bulk input and in sidecars they are refused with the right name, since without them the key would be kept for ever, or
// without its metadata.

/** The name that `property` is a near miss of, or undefined if it is right or means something else. */
export function meantProperty(property: string): string | undefined {
  const meant = properties.get(property.toLowerCase().replace(/[_-]/g, ""));
  return meant === property ? undefined : meant;
}

const properties: ReadonlyMap<string, string> = new Map([
  ...["key", "value", "base64", "expiration", "metadata"].map((name) => [name, name] as const),
  ["isbase64", "base64"],
  ["expirationttl", "expiration_ttl"],
  ["ttl", "expiration_ttl"],
  ["meta", "metadata"],
]);
