// An item of JSON with one large string in it, the value. As strings of JavaScript, text and value take several times the size of
// the value: here it goes from bytes to bytes, and where it is very large, to the place where its JSON stood.

import type { Json } from "../core/json-value.ts";
import { JsonScanner, NotScanned } from "./json-scanner.ts";

export interface ScannedItem {
  /** The properties, but for the value. */
  readonly json: { readonly [name: string]: Json };
  /** The value as UTF-8, in memory of its own, or at the beginning of the item's; null: it has half of a surrogate pair. */
  readonly text: Buffer | null;
}

/** Smaller items are parsed faster, and are no matter. */
const LARGE_ITEM_BYTES = 65_536;
/** From this size on, a value is put where its item was: two of 25 MiB are much. */
export const IN_PLACE_BYTES_MIN = 1024 * 1024;

/** `item`: valid UTF-8. Undefined: it is small, no object, or has no one value that is a string: JSON.parse then says what it
 * is. "spoilt": it is so too, and nobody can say what it was any more, since it was overwritten. */
export function scanLargeItem(item: Buffer): ScannedItem | "spoilt" | undefined {
  if (item.byteLength < LARGE_ITEM_BYTES) return undefined;
  // No string is longer than its JSON, which begins with a brace: what is written is always behind what was read.
  const isInPlace = item.byteLength >= IN_PLACE_BYTES_MIN;
  const scanner = new JsonScanner(item, isInPlace ? item : undefined);
  if (!scanner.isObject) return undefined;
  const json: Record<string, Json> = {};
  let text: Buffer | null | undefined;
  let isBegun = false;
  const unfit = (): "spoilt" | undefined => (isInPlace && isBegun ? "spoilt" : undefined);
  try {
    scanner.readObject((name) => {
      if (name === "value") {
        if (isBegun || !scanner.isText) throw new NotScanned();
        isBegun = true;
        const found = scanner.readText();
        text = found === undefined ? null : Buffer.from(found.buffer, found.byteOffset, found.byteLength);
        return;
      }
      const value = scanner.readJson() as Json;
      Object.defineProperty(json, name, { value, enumerable: true, configurable: true });
    });
    scanner.end();
  } catch (error) {
    if (error instanceof NotScanned) return unfit();
    throw error;
  }
  return text === undefined ? undefined : { json, text };
}
