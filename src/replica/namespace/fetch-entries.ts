// What a namespace holds of keys that nobody listed: value, metadata and expiration of one moment, a hundred keys a request.
// A bulk get tells all three. A value that it cannot carry is read by itself, and its attributes are listed: these are of
// another moment, so they are handed out as the value's own only where a stamp says that they are.

import { isUtf8 } from "node:buffer";
import type { Entry } from "../../core/entry.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import { BULK_GET_KEYS_MAX, LIST_LIMIT_MIN } from "../../core/limits.ts";
import { staleRead } from "../../core/problem.ts";
import type { CallOptions, ListedKey } from "../../kv/kv-api.ts";
import { isRefusal, KvError } from "../../kv/kv-error.ts";
import { readValues } from "../../kv/read-values.ts";
import { type ReadValue, type ValueToRead } from "../../kv/value-to-read.ts";
import type { Pages, ReadOutcome } from "../replica.ts";
import { listedEntry } from "./listed-entry.ts";
import type { NamespaceSide } from "./namespace-side.ts";
import { judged, type ReadOptions } from "./read-entries.ts";
import { fullKey } from "./scope.ts";

interface FetchOptions extends ReadOptions {
  /** See TransferOptions. */
  readonly expected: ReadonlyMap<Key, Entry> | undefined;
}

export async function* fetchEntries(
  side: NamespaceSide,
  keys: readonly Key[],
  options: FetchOptions,
): Pages<ReadOutcome> {
  const items: ValueToRead<Entry>[] = [];
  const misfits: ReadOutcome[] = [];
  for (const key of keys) {
    const full = fullKey(side.prefix, key);
    const { size, binary } = options.expected?.get(key) ?? {};
    if (typeof full === "string") items.push({ key: full, size, binary, tag: unknownEntry(key) });
    else misfits.push({ kind: "problem", key, problem: full });
  }
  if (misfits.length > 0) yield misfits;
  for await (const outcomes of fetchValues(side, items, options)) {
    const whole: ReadValue<Entry>[] = [];
    const apart: ReadOutcome[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind !== "value" || outcome.attributes !== undefined) whole.push(outcome);
      else apart.push(await withListedAttributes(side, outcome, options));
    }
    if (apart.length > 0) yield apart;
    yield* judged(side, whole, options);
  }
}

async function* fetchValues(
  side: NamespaceSide,
  items: readonly ValueToRead<Entry>[],
  options: CallOptions,
): Pages<ReadValue<Entry>> {
  // One that is left over from full groups would be read by itself.
  const others = items.filter(({ binary }) => binary !== true);
  const single = others.length % BULK_GET_KEYS_MAX === 1 ? others.at(-1) : undefined;
  const only = single && (await bulkGetOne(side, single, options));
  if (only !== undefined) yield [only];
  const rest = only === undefined ? items : items.filter((item) => item !== single);
  if (rest.length > 0)
    yield* readValues(side, onePage(others.length > BULK_GET_KEYS_MAX ? rest : rest.map(asText)), options);
}

/** What fits into one request is not parted into what is known to be text and what may be. */
function asText(item: ValueToRead<Entry>): ValueToRead<Entry> {
  return item.binary === undefined ? { ...item, binary: false } : item;
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

/** A value that came without attributes, with those that a listing shows now. */
async function withListedAttributes(
  side: NamespaceSide,
  { key: full, tag, bytes, readAt }: Extract<ReadValue<Entry>, { kind: "value" }>,
  { expected, onShown: _, ...options }: FetchOptions,
): Promise<ReadOutcome> {
  const { key } = tag;
  const fingerprint = fingerprintOf(bytes);
  const found = { ...tag, fingerprint, size: bytes.byteLength, binary: !isUtf8(bytes) };
  const listed = await listOne(side, full, options);
  if (listed === undefined) {
    // What a listing does not show yet is not known; it is not "no metadata".
    const before = expected?.get(key);
    if (before?.fingerprint !== fingerprint)
      return {
        kind: "problem",
        key,
        problem: staleRead(key),
        alsoShown: [{ entry: found, attributesAreListed: true }],
      };
    const { metadata, expiration } = before;
    return { kind: "value", key, value: { entry: { ...found, metadata, expiration }, bytes, readAt } };
  }
  const shown = listedEntry(key, listed);
  const { metadata, expiration } = shown;
  const entry = { ...found, metadata, expiration };
  if (shown.fingerprint === undefined)
    return { kind: "value", key, value: { entry, bytes, readAt }, attributesAreListed: true };
  if (shown.fingerprint === fingerprint) return { kind: "value", key, value: { entry, bytes, readAt } };
  // Two versions, and both may be ones that nobody knows yet.
  const alsoShown = [
    { entry, attributesAreListed: true },
    { entry: shown, attributesAreListed: false },
  ];
  return {
    kind: "problem",
    key,
    problem: staleRead(key),
    alsoShown,
    unstamped: { entry, bytes, readAt },
    isApart: true,
  };
}

async function listOne(
  { api, namespaceId }: NamespaceSide,
  key: Key,
  options: CallOptions,
): Promise<ListedKey | undefined> {
  // Of what begins with the key, the key itself is first.
  const query = { prefix: key, limit: LIST_LIMIT_MIN };
  const { keys } = await api.listKeys(namespaceId, query, { ...options, priority: options.priority ?? "edit" });
  return keys.find(({ name }) => name === key);
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
