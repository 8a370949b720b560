// What a namespace holds of keys that nobody listed: value, metadata and expiration of one moment, a hundred keys a request.
// A bulk get tells all three; a value that it cannot carry is read by itself, and its attributes are listed.

import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import type { CallOptions } from "../../kv/kv-api.ts";
import { isRefusal, KvError } from "../../kv/kv-error.ts";
import { type ReadAttributes, type ReadValue, readValues, type ValueToRead } from "../../kv/read-values.ts";
import type { Pages, ReadOutcome } from "../replica.ts";
import type { NamespaceSide } from "./namespace-replica.ts";
import { judged } from "./read-entries.ts";
import { fullKey } from "./scope.ts";

export async function* fetchEntries(
  side: NamespaceSide,
  keys: readonly Key[],
  options: CallOptions,
): Pages<ReadOutcome> {
  const items: ValueToRead<Entry>[] = [];
  const misfits: ReadOutcome[] = [];
  for (const key of keys) {
    const full = fullKey(side.prefix, key);
    if (typeof full === "string") items.push({ key: full, size: undefined, binary: undefined, tag: unknownEntry(key) });
    else misfits.push({ kind: "problem", key, problem: full });
  }
  if (misfits.length > 0) yield misfits;
  for await (const outcomes of fetchValues(side, items, options)) {
    const whole: ReadValue<Entry>[] = [];
    for (const outcome of outcomes) whole.push(await withAttributes(side, outcome, options));
    yield* judged(side, whole, options);
  }
}

async function* fetchValues(
  side: NamespaceSide,
  items: readonly ValueToRead<Entry>[],
  options: CallOptions,
): Pages<ReadValue<Entry>> {
  const [item, ...others] = items;
  if (item === undefined) return;
  const only = others.length === 0 ? await bulkGetOne(side, item, options) : undefined;
  if (only === undefined) yield* readValues(side, onePage(items), options);
  else yield [only];
}

/** One key as a bulk get, which unlike a single read tells its metadata. Undefined: it has to be read by itself. */
async function bulkGetOne(
  { api, namespaceId, clock }: NamespaceSide,
  { key, tag }: ValueToRead<Entry>,
  options: CallOptions,
): Promise<ReadValue<Entry> | undefined> {
  try {
    const found = (await api.bulkGet(namespaceId, [key], options)).get(key) ?? null;
    if (found === null) return { kind: "absent", key, tag };
    const { bytes, metadata, expiration } = found;
    if (bytes === undefined) return undefined;
    return { kind: "value", key, tag, bytes, attributes: { metadata, expiration }, readAt: clock.now() };
  } catch (error) {
    if (isBeyondBulk(error)) return undefined;
    throw error;
  }
}

function isBeyondBulk(error: unknown): boolean {
  if (!(error instanceof KvError)) return false;
  return BEYOND_BULK.has(error.code) || error.timedOut || isRefusal(error);
}

/** Binary values, values over the limit of an answer, and servers whose bulk get is not the API's. */
const BEYOND_BULK: ReadonlySet<KvError["code"]> = new Set(["not-text", "unsupported", "request-too-large"]);

/** The least that the API's documentation allows. */
const LIST_LIMIT_MIN = 10;

async function withAttributes(
  { api, namespaceId }: NamespaceSide,
  outcome: ReadValue<Entry>,
  options: CallOptions,
): Promise<ReadValue<Entry>> {
  if (outcome.kind !== "value" || outcome.attributes !== undefined) return outcome;
  const { key } = outcome;
  // Of what begins with the key, the key itself is first.
  const query = { prefix: key, limit: LIST_LIMIT_MIN };
  const { keys } = await api.listKeys(namespaceId, query, { ...options, priority: options.priority ?? "edit" });
  const listed = keys.find(({ name }) => name === key);
  const attributes: ReadAttributes = { metadata: listed?.metadata, expiration: listed?.expiration };
  return { ...outcome, attributes };
}

async function* onePage<T>(page: readonly T[]): Pages<T> {
  yield page;
}

function unknownEntry(key: Key): Entry {
  return {
    key,
    fingerprint: undefined,
    metadata: undefined,
    expiration: undefined,
    ttlSeconds: undefined,
    size: undefined,
    signature: undefined,
    binary: undefined,
  };
}
