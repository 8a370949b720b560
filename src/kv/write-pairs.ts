// Writes any number of pairs with the fewest bulk writes possible.

import type { ByteCount, Clock, EpochMs, EpochSeconds } from "../core/clock.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN, METADATA_BYTES_MAX, VALUE_BYTES_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import { sendInBatches } from "./batch-loop.ts";
import { type BatchItem, type BatchPace, openBatchPace } from "./batch-ops.ts";
import type { CallOptions, KvApi, NamespaceId } from "./kv-api.ts";
import { openPairArena, pairsBody, type PairSlice } from "./pair-arena.ts";
import { METADATA_NAME, type Pair } from "./pair-text.ts";
import { bodyOfBytes } from "./sized-body.ts";

/** A pair to write, with a `tag` of the caller's that comes back in its outcome. The bytes are not needed any more when the next page is
 * asked for. */
export interface PairToWrite<Tag = undefined> extends Pair {
  readonly tag: Tag;
}

export type PairOutcome<Tag = undefined> =
  | { readonly kind: "written"; readonly key: Pair["key"]; readonly tag: Tag; readonly confirmedAt: EpochMs }
  | { readonly kind: "problem"; readonly key: Pair["key"]; readonly tag: Tag; readonly problem: Problem };

interface EncodedPair<Tag> extends BatchItem {
  readonly alone: boolean;
  /** Undefined: it goes alone. */
  slice: PairSlice | undefined;
  /** What goes alone: as it was given. */
  readonly pair: Pair | undefined;
  /** Of the metadata's text, which stands at the end of the slice, before a brace. Undefined: it has none. */
  readonly metadataBytes: ByteCount | undefined;
  readonly expiration: EpochSeconds | undefined;
  readonly tag: Tag;
}

export interface TransferDeps {
  readonly clock: Clock;
  readonly api: KvApi;
  readonly namespaceId: NamespaceId;
  /** Of all who write to the namespace in turn; unless it is given, nothing is known of how large batches may be. */
  readonly pace?: BatchPace;
  /** Of values that are read at a time, instead of the usual 48 MB. */
  readonly readBytesMax?: ByteCount | undefined;
}

/** A value of so much goes by itself, with a PUT of its bytes as they are: it takes no memory but its own, and a quarter less of the
 * line than in base64. A bulk write holds five of them at most, and 95 MB of memory. At the API's 4 requests a second, single
 * writes go at 48 MB a second before their number counts. */
const ALONE_BYTES_MIN: ByteCount = 12_000_000;

/** Writes `pages`, in as few requests as 10,000 pairs and 95 MB a request allow, and large values one by one; of two pairs with one
 * key the later one wins. Each pair has one outcome, in any order. Memory: LIVE_BYTES_MAX of encoded pairs, whatever their number;
 * a value that goes by itself stays where it is, and no page is asked for meanwhile.
 * @throws AppError what concerns all pairs, after the outcomes known by then. */
export async function* writePairs<Tag>(
  { clock, api, namespaceId, pace = openBatchPace() }: TransferDeps,
  pages: AsyncIterable<readonly PairToWrite<Tag>[]>,
  options: CallOptions = {},
): AsyncGenerator<readonly PairOutcome<Tag>[], void> {
  const arena = openPairArena();
  const batches = sendInBatches<PairToWrite<Tag>, EncodedPair<Tag>>(
    pages,
    {
      clock,
      verb: "written",
      once: options.once !== undefined,
      pace,
      keyOf: (pair) => pair.key,
      encode: (pair) => {
        const fault = pairFault(pair, clock);
        if (fault !== undefined) return fault;
        const { key, bytes, ttlSeconds, tag } = pair;
        const expiration = ttlSeconds === undefined ? pair.expiration : undefined;
        const metadataBytes = pair.metadata === undefined ? undefined : Buffer.byteLength(pair.metadata);
        const facts = { metadataBytes, key, expiration, tag, attempts: 0 };
        const alone = bytes.byteLength >= ALONE_BYTES_MIN;
        if (alone) return { ...facts, alone, pair, slice: undefined, byteLength: bytes.byteLength };
        const slice = arena.add(pair);
        return { ...facts, alone, pair: undefined, slice, byteLength: slice.end - slice.start };
      },
      release: ({ slice }) => {
        if (slice !== undefined) arena.release(slice);
      },
      keep: (item) => {
        if (item.slice !== undefined) item.slice = arena.keep(item.slice);
      },
      // Waiting for the budget may have taken minutes.
      refuse: (item) => expirationFault(item, clock),
      send: (items, signal) =>
        api.bulkWrite(namespaceId, pairsBody(items.map(({ slice }) => slice!)), { ...options, signal }),
      sendAlone: ({ key, pair, ...item }, signal) => {
        const { bytes, ...attributes } = pair ?? decodedPair(item);
        return api.writeValue(namespaceId, key, bodyOfBytes(bytes), attributes, { ...options, signal });
      },
    },
    options.signal,
  );
  for await (const settled of batches) {
    const confirmedAt = clock.now();
    yield settled.map((outcome) => {
      if (outcome.kind === "refused") {
        const { key, tag } = outcome.input;
        return { kind: "problem", key, tag, problem: outcome.problem };
      }
      const { key, tag } = outcome.item;
      if (outcome.kind === "problem") return { kind: "problem", key, tag, problem: outcome.problem };
      return { kind: "written", key, tag, confirmedAt };
    });
  }
}

/** What the API would refuse, found before it costs a request (core/limits.ts). */
function pairFault(pair: Pair, clock: Clock): Problem | undefined {
  const size: ByteCount = pair.bytes.byteLength;
  if (size > VALUE_BYTES_MAX)
    return problem("value-too-large", pair.key, `is ${size} bytes; a value has at most ${VALUE_BYTES_MAX}`);
  const metadataBytes = pair.metadata === undefined ? 0 : Buffer.byteLength(pair.metadata);
  if (metadataBytes > METADATA_BYTES_MAX) {
    const message = `has ${metadataBytes} bytes of metadata; at most ${METADATA_BYTES_MAX} are allowed`;
    return problem("metadata-too-large", pair.key, message);
  }
  if (pair.ttlSeconds === undefined) return expirationFault(pair, clock);
  if (pair.ttlSeconds >= EXPIRATION_AHEAD_SECONDS_MIN) return undefined;
  const message = `would live for ${pair.ttlSeconds} s; at least ${EXPIRATION_AHEAD_SECONDS_MIN} s are needed`;
  return problem("expired", pair.key, message);
}

function expirationFault({ key, expiration }: Pick<Pair, "key" | "expiration">, clock: Clock): Problem | undefined {
  if (expiration === undefined) return undefined;
  const aheadSeconds = expiration - clock.now() / 1000;
  if (aheadSeconds >= EXPIRATION_AHEAD_SECONDS_MIN) return undefined;
  const message =
    aheadSeconds <= 0
      ? "has expired"
      : `expires in ${Math.ceil(aheadSeconds)} s; at least ${EXPIRATION_AHEAD_SECONDS_MIN} s are needed`;
  return problem("expired", key, message);
}

/** A pair that even a batch of its own is too large for. Rare: what was encoded is decoded again, rather than all values being
 * kept for it. */
function decodedPair<Tag>({
  slice,
  metadataBytes,
  expiration,
}: Pick<EncodedPair<Tag>, "slice" | "metadataBytes" | "expiration">): Omit<Pair, "key"> {
  const { arena, start, end } = slice!;
  const text = arena.bytes.toString("utf8", start + 1, end - 1);
  // Not parsed: a number in it may have more digits than JavaScript keeps.
  const metadata =
    metadataBytes === undefined ? undefined : arena.bytes.toString("utf8", end - 1 - metadataBytes, end - 1);
  const rest = metadata === undefined ? text : text.slice(0, -(METADATA_NAME.length + metadata.length));
  const parsed = JSON.parse(`${rest}}`) as {
    readonly value: string;
    readonly base64?: boolean;
    readonly expiration_ttl?: number;
  };
  const bytes = Buffer.from(parsed.value, parsed.base64 === true ? "base64" : "utf8");
  return { bytes, metadata, expiration, ttlSeconds: parsed.expiration_ttl };
}
