// Numbers for people.

/** `10,000`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 key`, `10,000 keys`. */
export function countKeys(keys: number): string {
  return `${count(keys)} ${keys === 1 ? "key" : "keys"}`;
}

/** `1 namespace`, `30 namespaces`. */
export function countNamespaces(namespaces: number): string {
  return `${count(namespaces)} ${namespaces === 1 ? "namespace" : "namespaces"}`;
}
