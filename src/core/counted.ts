// Numbers for people.

/** `10,000`; at most one decimal. (Intl.NumberFormat takes 15 ms to load, half of what most commands take.) */
export function count(value: number): string {
  const [whole = "", decimals] = String(Math.round(value * 10) / 10).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals === undefined ? "" : `.${decimals}`);
}

/** A number with its noun: `1 key`, `1,003 keys`. `plural`: where it is not the noun with an s. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}
