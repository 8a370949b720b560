// Writes of a namespace replica: each value goes with its stamp in its metadata.

import { isUtf8 } from "node:buffer";
import { type EpochMs, toEpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import { type Stamp, stampMetadata } from "../../core/stamp.ts";
import type { Problem } from "../../core/problem.ts";
import type { CallOptions } from "../../kv/kv-api.ts";
import { type PairToWrite, writePairs } from "../../kv/write-pairs.ts";
import type { Pages, Write, WriteOutcome } from "../replica.ts";
import type { NamespaceSide } from "./namespace-replica.ts";
import { fullKey } from "./scope.ts";

/** What a pair carries through: the entry as a listing will show it, but for an expiration that begins with the write. */
interface Pending {
  readonly entry: Entry;
  readonly ttlSeconds: number | undefined;
}

export async function* writeEntries(
  side: NamespaceSide,
  writes: Pages<Write>,
  options: CallOptions,
): Pages<WriteOutcome> {
  // Keys that are too long with the prefix never become pairs.
  let misfits: WriteOutcome[] = [];
  const pairs = async function* (): Pages<PairToWrite<Pending>> {
    for await (const page of writes) {
      yield page.flatMap((write) => {
        const pair = toPair(side, write);
        if (!("code" in pair)) return pair;
        misfits.push({ kind: "problem", key: write.value.entry.key, problem: pair });
        return [];
      });
    }
  };
  for await (const outcomes of writePairs(side, pairs(), options)) {
    const page: WriteOutcome[] = [...misfits];
    misfits = [];
    for (const outcome of outcomes) {
      const { key } = outcome.tag.entry;
      if (outcome.kind === "problem")
        page.push({ kind: "problem", key, problem: { ...outcome.problem, subject: key } });
      else
        page.push({
          kind: "written",
          key,
          entry: writtenEntry(outcome.tag, outcome.confirmedAt),
          confirmedAt: outcome.confirmedAt,
        });
    }
    yield page;
  }
  if (misfits.length > 0) yield misfits;
}

function toPair({ prefix, stamp }: NamespaceSide, { value: { entry, bytes } }: Write): PairToWrite<Pending> | Problem {
  const key = fullKey(prefix, entry.key);
  if (typeof key !== "string") return key;
  const known: Stamp = {
    fingerprint: entry.fingerprint ?? fingerprintOf(bytes),
    size: bytes.byteLength,
    binary: entry.binary ?? !isUtf8(bytes),
  };
  const metadata = stamp ? stampMetadata(entry.metadata, known) : entry.metadata;
  const isStamped = metadata !== entry.metadata;
  const { expiration, ttlSeconds } = entry;
  const listed: Entry = {
    key: entry.key,
    fingerprint: isStamped ? known.fingerprint : undefined,
    metadata: entry.metadata,
    expiration,
    ttlSeconds: undefined,
    size: isStamped ? known.size : undefined,
    signature: undefined,
    binary: isStamped ? known.binary : undefined,
  };
  return { key, bytes, metadata, expiration, ttlSeconds, tag: { entry: listed, ttlSeconds } };
}

function writtenEntry({ entry, ttlSeconds }: Pending, confirmedAt: EpochMs): Entry {
  if (ttlSeconds === undefined) return entry;
  return { ...entry, expiration: (toEpochSeconds(confirmedAt) + ttlSeconds) as NonNullable<Entry["expiration"]> };
}
