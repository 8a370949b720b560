// The bulk write: up to 10,000 pairs, all checked before the first is written, then written as one transaction.

import type { EpochSeconds } from "../../core/clock.ts";
import type { Json } from "../../core/json-value.ts";
import { BULK_ITEMS_MAX } from "../../core/limits.ts";
import { compareUtf8 } from "../../core/key.ts";
import { checkKey, checkValueLength, encodeMetadata, parseExpiration } from "../attributes.ts";
import type { EntryWrite } from "../store/store.ts";
import { malformedBody, namespaceNotFound, tooManyItems } from "../refusal.ts";
import { bulkResult } from "./bulk-result.ts";
import { findNamespace, type OperationHandler, parseJsonBody, writableStore } from "./operation.ts";

const CALLER = "bulk put";
const NOUN = "array of key/value pairs";

export const bulkWrite: OperationHandler = async (deps, { route, body, now, meddling }) => {
  const { entries } = writableStore(deps);
  const { id } = await findNamespace(deps, route, CALLER);
  const items = parseJsonBody(body, CALLER, NOUN);
  if (!Array.isArray(items)) throw malformedBody(CALLER, `could not parse ${NOUN} from request body: it is no array`);
  if (items.length > BULK_ITEMS_MAX) throw tooManyItems(CALLER, items.length, "key/value pairs");
  const writes = inKeyOrder(items.map((item: unknown) => parseItem(item, now)));
  const keys = writes.map((write) => write.key);
  deps.limits.write(id, keys);
  const outcome = meddling.bulk(keys);
  const applied = outcome.applies === undefined ? writes : writes.filter((write) => outcome.applies?.has(write.key));
  if (!(await entries.write(id, applied, now))) throw namespaceNotFound(CALLER);
  return bulkResult(keys.length, outcome.unsuccessful);
};

type Item = Readonly<
  Partial<Record<"key" | "value" | "base64" | "expiration" | "expiration_ttl" | "metadata", unknown>>
>;

type PairWrite = EntryWrite & { readonly value: string | Uint8Array };

/** One pair as it will be stored. Properties that are null count as absent, unknown ones are ignored. */
function parseItem(given: unknown, now: EpochSeconds): PairWrite {
  if (typeof given !== "object" || given === null) throw malformed("a pair is no object");
  const { key, value, base64, expiration, expiration_ttl: ttl, metadata } = given as Item;
  if (typeof key !== "string") throw malformed("a key is no string");
  if (typeof value !== "string") throw malformed(`the value of ${JSON.stringify(key)} is no string`);
  if (base64 !== undefined && base64 !== null && typeof base64 !== "boolean") throw malformed("base64 is no boolean");
  checkKey(key, CALLER);
  const asked = { expiration: parseNumber(expiration, "expiration"), ttl: parseNumber(ttl, "expiration_ttl") };
  const expires = parseExpiration(asked, now, CALLER);
  const stored = encodeMetadata(metadata as Json | undefined);
  const bytes = base64 === true ? decodeBase64(value, key) : value;
  checkValueLength(bytes);
  return { key, value: bytes, metadata: stored, expiration: expires };
}

function malformed(reason: string) {
  return malformedBody(CALLER, `could not parse ${NOUN} from request body: ${reason}`);
}

function parseNumber(given: unknown, name: string): number | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== "number") throw malformed(`${name} is no number`);
  return given;
}

/** Standard alphabet; white space and missing padding are allowed, as production's own emulator allows them. */
function decodeBase64(text: string, key: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  // Buffer skips what it does not know. What it read in full has the length that the text promises.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding && !/[-_]/.test(text)) return bytes;
  const bare = text.replace(/[\t\n\f\r ]/g, "");
  const digits = bare.length % 4 === 0 ? bare.replace(/={1,2}$/, "") : bare;
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) {
    throw malformedBody(CALLER, `invalid base64 value of ${JSON.stringify(key)}`);
  }
  return Buffer.from(digits, "base64");
}

/** `writes` in byte order, each key once: items that say the same collapse, others are refused. */
function inKeyOrder(writes: PairWrite[]): PairWrite[] {
  if (!isSorted(writes)) writes.sort((a, b) => compareUtf8(a.key, b.key));
  return writes.filter((write, index) => {
    const before = writes[index - 1];
    if (before === undefined || before.key !== write.key) return true;
    if (sameWrite(before, write)) return false;
    throw malformedBody(
      CALLER,
      `received duplicate key with different values or expiration parameters: ${JSON.stringify(write.key)}`,
    );
  });
}

function isSorted(writes: readonly PairWrite[]): boolean {
  return writes.every((write, index) => index === 0 || compareUtf8(writes[index - 1]?.key ?? "", write.key) <= 0);
}

function sameWrite(a: PairWrite, b: PairWrite): boolean {
  return (
    a.metadata === b.metadata && a.expiration === b.expiration && Buffer.from(a.value).equals(Buffer.from(b.value))
  );
}
