// A number with its noun: `1 key`, `1,003 keys`.

import { count } from "./progress.ts";

/** `plural`: where it is not the noun with an s. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}
