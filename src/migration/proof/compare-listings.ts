// The first pass of a proof: both sides are listed once, in key order, and held against each other. What is equal is counted; all else
// is pending. Values are read only where neither listing nor copy tells them, and of the sample.

import { allEnded } from "../../core/all-ended.ts";
import type { BaseRow, Entry } from "../../core/entry.ts";
import { toEpochSeconds } from "../../core/clock.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../../core/limits.ts";
import { mergeJoin, type Triple } from "../../engine/merge.ts";
import type { Pages, ReadOutcome } from "../../replica/replica.ts";
import { differencesOf, type Held, heldOfBase, heldOfEntry, leafOf } from "./held.ts";
import { type Evidence, shownVersion } from "./proof.ts";
import type { Proving } from "./proving.ts";
import { openRangeRoots } from "./range-roots.ts";
import { openUnknownKeys, type UnknownKeys } from "./unknown-keys.ts";
import { isSampled } from "./verify-depth.ts";

/** A key of which values must be read before its two sides can be compared. */
interface Pair {
  readonly triple: Triple;
  readonly reads: { readonly source: boolean; readonly destination: boolean };
  readonly held: { readonly source: Held | undefined; readonly destination: Held | undefined };
  readonly evidence: Evidence;
}

/** A key that the listings alone have decided: all that the roots need of it. Undefined: it is pending. */
type Decided = readonly [key: Key, leaf: Uint8Array | undefined];

/** In key order. */
interface Batch {
  readonly items: (Pair | Decided)[];
  readonly pairs: Pair[];
}

/** A few full requests' worth of values; where hardly any key has to be read, so many keys wait for them at the most. */
const READS_MAX = 1000;
const ITEMS_MAX = 20_000;

export async function compareListings(proving: Proving): Promise<void> {
  const { tally, onProgress } = proving;
  const roots = openRangeRoots(proving.scratch);
  let keys = 0;
  for await (const { items, pairs } of batches(proving)) {
    const read = await readPairs(proving, pairs);
    for (const item of items) {
      const [key, leaf] = "triple" in item ? decide(proving, item, read) : item;
      roots.add(key, leaf);
    }
    keys += items.length;
    onProgress?.({ phase: "listing", keys, pending: tally.lookedAt });
  }
  roots.end();
}

/** What needs no reading is decided as it is listed, so that little of it is kept. */
async function* batches(proving: Proving): AsyncGenerator<Batch> {
  const { signal } = proving;
  const unknown = openUnknownKeys(proving);
  const listed = (side: "source" | "destination"): Pages<Entry> =>
    proving[side].list({ signal, ...unknown.eventsOf(side) });
  const base = proving.copied?.base.scan() ?? noRows();
  let batch: Batch = { items: [], pairs: [] };
  for await (const triples of mergeJoin({ source: listed("source"), destination: listed("destination"), base })) {
    signal.throwIfAborted();
    for (const triple of triples) {
      if (isLeftOut(proving, triple, unknown)) continue;
      const pair = pairOf(proving, triple);
      if (pair === undefined) batch.items.push(keepPending(proving, triple));
      else if (pair.reads.source || pair.reads.destination) {
        batch.items.push(pair);
        batch.pairs.push(pair);
      } else batch.items.push(decide(proving, pair, NOTHING_READ));
    }
    unknown.passed(triples.at(-1)?.key);
    if (batch.pairs.length < READS_MAX && batch.items.length < ITEMS_MAX) continue;
    yield batch;
    batch = { items: [], pairs: [] };
  }
  yield batch;
}

function keepPending({ scratch, tally }: Proving, { key, source, destination, base }: Triple): Decided {
  scratch.addPending({ key, source, destination, base });
  tally.lookedAt++;
  return [key, undefined];
}

function decide(proving: Proving, pair: Pair, read: ReadPairs): Decided {
  const { tally, verify, rootKind } = proving;
  const { key } = pair.triple;
  const held = equalHeld(pair, read);
  if (held === undefined) return keepPending(proving, pair.triple);
  tally.keys.source++;
  tally.keys.destination++;
  tally.bytes += held.size;
  tally.equalBy[pair.evidence]++;
  if (isSampled(verify, key)) tally.sampled++;
  return [key, leafOf(rootKind, key, held)];
}

async function* noRows(): AsyncGenerator<readonly BaseRow[]> {
  // Nothing is known of a copy.
}

/** Whether nothing is to be compared: then it is counted as what it is. */
function isLeftOut(proving: Proving, triple: Triple, unknown: UnknownKeys): boolean {
  const { key, source, destination, base } = triple;
  const { findings, clock, excludedBecause, settleWindowMs } = proving;
  if (unknown.takes(key)) return true;
  const told = { key, differs: [], changedAt: null, destination: null, source: null };
  const reason = excludedBecause?.(key);
  if (reason !== undefined) {
    if (source !== undefined) findings.add({ ...told, class: "excluded", reason });
    return true;
  }
  if (source !== undefined || destination !== undefined) return false;
  // It was written so short a time ago that the destination may hold it, and its listing not show that yet.
  if (base !== undefined && Math.abs(clock.now() - base.agreedAt) <= settleWindowMs) return false;
  // The copy carried it, and both sides are without it: KV has removed it, or its source has and the copy followed.
  const soon = toEpochSeconds(clock.now()) + EXPIRATION_AHEAD_SECONDS_MIN;
  const hasExpired = base?.expiration !== undefined && base.expiration <= soon;
  if (hasExpired)
    findings.add({
      ...told,
      class: "expired",
      source: shownVersion(heldOfBase(base)),
      reason: "expired at both sides",
    });
  return true;
}

/** Undefined: the listings differ already. */
function pairOf({ verify }: Proving, triple: Triple): Pair | undefined {
  const { key, source, destination } = triple;
  if (source === undefined || destination === undefined || !hasSameAttributes(source, destination)) return undefined;
  const stamped = { source: heldOfEntry(source), destination: heldOfEntry(destination) };
  const isRead = isSampled(verify, key);
  const noted = stamped.source === undefined && !isRead ? notedAtCopy(triple) : undefined;
  const held = { ...stamped, source: stamped.source ?? noted };
  const reads = {
    source: isRead || held.source === undefined,
    destination: isRead || held.destination === undefined,
  };
  const evidence = reads.source || reads.destination ? "read" : noted === undefined ? "stamps" : "noted";
  return { triple, held, reads, evidence };
}

/** A source without a stamp held this value when the copy read it, and its metadata and expiration are still the same. */
function notedAtCopy({ source, base }: Triple): Held | undefined {
  return base !== undefined && hasSameAttributes(source!, base) ? heldOfBase(base) : undefined;
}

type Attributes = Pick<Entry, "metadata" | "expiration">;

function hasSameAttributes(a: Attributes, b: Attributes): boolean {
  return a.metadata === b.metadata && a.expiration === b.expiration;
}

type ReadPairs = Readonly<Record<"source" | "destination", ReadonlyMap<Key, Held>>>;

const NOTHING_READ: ReadPairs = { source: new Map(), destination: new Map() };

/** The values of both sides are read at the same time: each account has a budget of its own. */
async function readPairs(proving: Proving, pairs: readonly Pair[]): Promise<ReadPairs> {
  const [source, destination] = await allEnded(proving.signal, [
    (signal) => readSide({ ...proving, signal }, "source", pairs),
    (signal) => readSide({ ...proving, signal }, "destination", pairs),
  ]);
  return { source: source!, destination: destination! };
}

async function readSide(
  proving: Proving,
  name: "source" | "destination",
  pairs: readonly Pair[],
): Promise<ReadonlyMap<Key, Held>> {
  const { signal, rootKind } = proving;
  const found = new Map<Key, Held>();
  const entries = pairs.flatMap(({ reads, triple }) => (reads[name] ? [triple[name]!] : []));
  if (entries.length === 0) return found;
  const onePage = async function* (): Pages<Entry> {
    yield entries;
  };
  for await (const outcomes of proving[name].read(onePage(), { signal, reusesBytes: true })) {
    for (const outcome of outcomes) {
      const held = heldOfOutcome(outcome, rootKind === "values");
      if (held !== undefined) found.set(outcome.key, held);
    }
  }
  return found;
}

function heldOfOutcome(outcome: ReadOutcome, withSha256: boolean): Held | undefined {
  // What is absent now, or does not fit its stamp, is pending.
  if (outcome.kind !== "value") return undefined;
  const { entry, bytes } = outcome.value;
  const { fingerprint, metadata, expiration } = entry;
  const sha256 = withSha256 ? sha256Of(bytes) : undefined;
  return { fingerprint: fingerprint!, sha256, size: bytes.byteLength, metadata, expiration };
}

/** What both sides hold; undefined: they do not hold the same, as far as the listings and these reads tell. */
function equalHeld({ triple: { key }, reads, held }: Pair, read: ReadPairs): Held | undefined {
  const source = reads.source ? read.source.get(key) : held.source;
  const destination = reads.destination ? read.destination.get(key) : held.destination;
  if (source === undefined || destination === undefined) return undefined;
  return differencesOf(source, destination).length === 0 ? source : undefined;
}
