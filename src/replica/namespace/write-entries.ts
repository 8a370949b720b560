// Writes of a namespace replica: each value goes with its stamp in its metadata.

import { isUtf8 } from "node:buffer";
import { type EpochMs, type EpochSeconds, toEpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import { type Stamp, stampMetadata } from "../../core/stamp.ts";
import type { Problem } from "../../core/problem.ts";
import type { CallOptions } from "../../kv/kv-api.ts";
import { type PairToWrite, writePairs } from "../../kv/write-pairs.ts";
import type { Pages, Write, WriteOutcome } from "../replica.ts";
import type { NamespaceSide } from "./namespace-side.ts";
import { fullKey } from "./scope.ts";

export async function* writeEntries(
  side: NamespaceSide,
  writes: Pages<Write>,
  options: CallOptions,
): Pages<WriteOutcome> {
  // Keys that are too long with the prefix never become pairs.
  let misfits: WriteOutcome[] = [];
  const pairs = async function* (): Pages<PairToWrite<Entry>> {
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
      const { key } = outcome.tag;
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

/** The pair carries the value's own entry through, less what no stamp tells: thousands are on their way at a time. */
function toPair({ prefix, stamp }: NamespaceSide, { value: { entry, bytes } }: Write): PairToWrite<Entry> | Problem {
  const key = fullKey(prefix, entry.key);
  if (typeof key !== "string") return key;
  const known: Stamp = {
    fingerprint: entry.fingerprint ?? fingerprintOf(bytes),
    size: bytes.byteLength,
    binary: entry.binary ?? !isUtf8(bytes),
  };
  const metadata = stamp ? stampMetadata(entry.metadata, known) : entry.metadata;
  const { expiration, ttlSeconds } = entry;
  const told = metadata === entry.metadata ? UNSTAMPED : known;
  const isTold = entry.fingerprint === told.fingerprint && entry.size === told.size && entry.binary === told.binary;
  return { key, bytes, metadata, expiration, ttlSeconds, tag: isTold ? entry : { ...entry, ...told } };
}

const UNSTAMPED = { fingerprint: undefined, size: undefined, binary: undefined } as const;

/** As a listing will show it. */
function writtenEntry(sent: Entry, confirmedAt: EpochMs): Entry {
  const { key, fingerprint, metadata, expiration, ttlSeconds, size, binary } = sent;
  const dueAt = ttlSeconds === undefined ? expiration : ((toEpochSeconds(confirmedAt) + ttlSeconds) as EpochSeconds);
  return { key, fingerprint, metadata, expiration: dueAt, ttlSeconds: undefined, size, signature: undefined, binary };
}
