// The values in a bulk get's answer, from bytes to bytes. Only for the answer that is as it should be: whatever else it is,
// envelope.ts and answers.ts tell what. (By JSON.parse a pull of 20,000 keys 50 ms away takes a quarter more time, and 20 to
// 30 MB more memory: npm run bench -- latency.)

import { isUtf8 } from "node:buffer";
import { parseEpochSeconds } from "../core/clock.ts";
import type { Json } from "../core/json-value.ts";
import { isExpiration } from "./answers.ts";
import { JsonScanner, NotScanned } from "./json-scanner.ts";
import type { BulkValue } from "./kv-api.ts";

/** The values of `keys`, with their metadata. Undefined: the answer is no success, or not in this form. */
export function scanBulkValues(
  bytes: Uint8Array,
  keys: readonly string[],
): ReadonlyMap<string, BulkValue | null> | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const values = scanEnvelope(new JsonScanner(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
    return values !== undefined && keys.every((key) => values.has(key)) ? values : undefined;
  } catch (error) {
    if (error instanceof NotScanned) return undefined;
    throw error;
  }
}

function scanEnvelope(scanner: JsonScanner): ReadonlyMap<string, BulkValue | null> | undefined {
  let success: unknown;
  let values: Map<string, BulkValue | null> | undefined;
  scanner.readObject((name) => {
    if (name === "success") success = scanner.readJson();
    else if (name === "result")
      scanner.readObject((inner) => {
        if (inner === "values") values = scanValues(scanner);
        else scanner.readJson();
      });
    else scanner.readJson();
  });
  scanner.end();
  return success === true ? values : undefined;
}

function scanValues(scanner: JsonScanner): Map<string, BulkValue | null> {
  const values = new Map<string, BulkValue | null>();
  scanner.readObject((key) => {
    if (scanner.isObject) values.set(key, scanValue(scanner));
    else if (scanner.readJson() === null) values.set(key, null);
    else throw new NotScanned();
  });
  return values;
}

function scanValue(scanner: JsonScanner): BulkValue {
  let found: { readonly bytes: Uint8Array | undefined } | undefined;
  let metadata: Json | undefined;
  let expiration: Json | undefined;
  scanner.readObject((name) => {
    if (name === "value") found = { bytes: scanner.readText() };
    else if (name === "metadata") metadata = (scanner.readJson() as Json) ?? undefined;
    else if (name === "expiration") expiration = scanner.readJson() as Json;
    else scanner.readJson();
  });
  if (found === undefined || !isExpiration(expiration)) throw new NotScanned();
  return { bytes: found.bytes, metadata, expiration: parseEpochSeconds(expiration) };
}
