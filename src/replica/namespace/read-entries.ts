// Reads of a namespace replica. A value is handed out only if it does not contradict its stamp [I7]: reads may be stale
// or torn, and then the listing and the value are of different times.

import { isUtf8 } from "node:buffer";
import type { EpochMs } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { type Fingerprint, fingerprintOf } from "../../core/fingerprint.ts";
import { problem } from "../../core/problem.ts";
import { unstampMetadata } from "../../core/stamp.ts";
import type { CallOptions } from "../../kv/kv-api.ts";
import { readValues } from "../../kv/read-values.ts";
import { type ReadAttributes, type ReadValue, type ValueToRead } from "../../kv/value-to-read.ts";
import { readValueBytes } from "../../kv/read-value-bytes.ts";
import { giveBack } from "../../core/give-back.ts";
import type { Pages, ReadOutcome, ShownVersion, TransferOptions } from "../replica.ts";
import { metadataFault } from "./listed-entry.ts";
import type { NamespaceSide } from "./namespace-side.ts";
import { fullKey } from "./scope.ts";

export type ReadOptions = CallOptions & Pick<TransferOptions, "onShown">;

/** `reusesBytes`: the memory of large values is given back when the next page is asked for. */
export async function* readEntries(
  side: NamespaceSide,
  entries: Pages<Entry>,
  options: ReadOptions,
  reusesBytes: boolean,
): Pages<ReadOutcome> {
  for await (const page of readPages(side, entries, options)) {
    yield page;
    if (reusesBytes) for (const outcome of page) if (outcome.kind === "value") giveBack(outcome.value.bytes);
  }
}

async function* readPages(side: NamespaceSide, entries: Pages<Entry>, options: ReadOptions): Pages<ReadOutcome> {
  const misfits: ReadOutcome[] = [];
  const items = async function* (): Pages<ValueToRead<Entry>> {
    for await (const page of entries) {
      yield page.flatMap((entry) => {
        const key = fullKey(side.prefix, entry.key);
        if (typeof key === "string") return { key, size: entry.size, binary: entry.binary, tag: entry };
        misfits.push({ kind: "problem", key: entry.key, problem: key });
        return [];
      });
    }
  };
  for await (const outcomes of readValues(side, items(), options)) {
    yield* judged(side, outcomes, options);
    if (misfits.length > 0) yield misfits.splice(0);
  }
  if (misfits.length > 0) yield misfits;
}

/** What was read, as outcomes of a replica. What contradicts its stamp is read once more. */
export async function* judged(
  side: NamespaceSide,
  outcomes: readonly ReadValue<Entry>[],
  options: ReadOptions,
): Pages<ReadOutcome> {
  const page: ReadOutcome[] = [];
  const doubtful: Extract<ReadValue<Entry>, { kind: "value" }>[] = [];
  for (const outcome of outcomes) {
    const unfit = outcome.kind === "value" ? metadataFault(outcome.tag.key, outcome.attributes?.metadata) : undefined;
    if (unfit !== undefined) page.push({ kind: "problem", key: outcome.tag.key, problem: unfit });
    else if (outcome.kind === "value" && contradicts(outcome)) doubtful.push(outcome);
    else page.push(toOutcome(outcome));
  }
  if (page.length > 0) yield page;
  for (const outcome of doubtful) yield [await readAgain(side, outcome, options)];
}

function toOutcome(outcome: ReadValue<Entry>): ReadOutcome {
  const { key } = outcome.tag;
  switch (outcome.kind) {
    case "value":
      return valueOutcome(outcome.tag, outcome.bytes, outcome.readAt, outcome.attributes);
    case "absent":
      return { kind: "absent", key };
    case "problem":
      return { kind: "problem", key, problem: { ...outcome.problem, subject: key } };
  }
}

/** The fingerprint that a value must have: what its listing says, or else what came with it. */
function stampedFingerprint(entry: Entry, attributes: ReadAttributes | undefined): Fingerprint | undefined {
  return entry.fingerprint ?? unstampMetadata(attributes?.metadata).stamp?.fingerprint;
}

function contradicts(outcome: Extract<ReadValue<Entry>, { kind: "value" }>): boolean {
  const stamped = stampedFingerprint(outcome.tag, outcome.attributes);
  return stamped !== undefined && stamped !== fingerprintOf(outcome.bytes);
}

/** Once more, by itself: a bulk get may have been answered by another cache. */
async function readAgain(
  { clock, api, namespaceId }: NamespaceSide,
  outcome: Extract<ReadValue<Entry>, { kind: "value" }>,
  { onShown, ...options }: ReadOptions,
): Promise<ReadOutcome> {
  const { tag, attributes } = outcome;
  const { key } = tag;
  const first = shownVersion(tag, outcome.bytes, attributes);
  onShown?.(first);
  const bytes = await readValueBytes(api, namespaceId, outcome.key, options);
  if (bytes === undefined) return { kind: "absent", key, alsoShown: [first] };
  if (fingerprintOf(bytes) === stampedFingerprint(tag, attributes))
    return { ...valueOutcome(tag, bytes, clock.now(), attributes), alsoShown: [first] };
  const message =
    "is not the value that its listing tells of: it was written meanwhile, KV is not up to date yet, or another program kept the stamp";
  // Both: either may be one that nobody knows yet.
  const alsoShown = [first, shownVersion(tag, bytes, undefined)];
  const stale = { kind: "problem", key, problem: problem("stale-read", key, message), alsoShown } as const;
  if (first.entry.fingerprint !== fingerprintOf(bytes)) return stale;
  const unstamped = { entry: first.entry, bytes, readAt: clock.now() };
  if (attributes === undefined) return { ...stale, unstamped, isApart: true };
  const ownStamp = unstampMetadata(attributes.metadata).stamp;
  return {
    ...stale,
    unstamped,
    isMisstamped: ownStamp !== undefined && ownStamp.fingerprint !== first.entry.fingerprint,
  };
}

/** What was read, rather than what was asked for. */
function shownVersion(asked: Entry, bytes: Uint8Array, attributes: ReadAttributes | undefined): ShownVersion {
  const entry = {
    ...asked,
    ...(attributes !== undefined && userAttributes(attributes)),
    fingerprint: fingerprintOf(bytes),
    size: bytes.byteLength,
    binary: !isUtf8(bytes),
  };
  return { entry, attributesAreListed: attributes === undefined };
}

function valueOutcome(
  entry: Entry,
  bytes: Uint8Array,
  readAt: EpochMs,
  attributes: ReadAttributes | undefined,
): Extract<ReadOutcome, { kind: "value" }> {
  const { key, fingerprint, ttlSeconds, signature } = entry;
  // Without a stamp nothing ties the listing's metadata to this value; what came with it does.
  const { metadata, expiration } =
    fingerprint !== undefined || attributes === undefined ? entry : userAttributes(attributes);
  const resolved: Entry = {
    key,
    fingerprint: fingerprint ?? fingerprintOf(bytes),
    metadata,
    expiration,
    ttlSeconds,
    size: bytes.byteLength,
    signature,
    binary: !isUtf8(bytes),
  };
  const value = { entry: resolved, bytes, readAt };
  return fingerprint === undefined && attributes === undefined
    ? { kind: "value", key, value, attributesAreListed: true }
    : { kind: "value", key, value };
}

function userAttributes({ metadata, expiration }: ReadAttributes): Pick<Entry, "metadata" | "expiration"> {
  return { metadata: unstampMetadata(metadata).metadata, expiration };
}
