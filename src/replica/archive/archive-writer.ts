// What an archive is made of, as its writer hands it on: lines between a header and an end line, or the items of an array.

import { createHash } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import { countBytes, type EncodedEntry, encodeEntry } from "./encode-entry.ts";
import type { ArchivedEntry } from "./entry-line.ts";
import { type ArchiveHeader, type ArchiveSummary, encodeEnd, encodeHeader } from "./frame-lines.ts";
import type { ArchiveSink } from "./joined-sink.ts";

export interface ArchiveWriter {
  begin(header: ArchiveHeader): Promise<void>;
  /** One entry, as {@link ArchiveWriter.write} takes it. */
  encode(entry: ArchivedEntry): EncodedEntry;
  write(encoded: EncodedEntry): Promise<void>;
  /** Writes what proves that it is whole, and does not end the sink. */
  end(summary: ArchiveSummary): Promise<void>;
}

/** `.ndjson`: lines, and a digest of all of them. */
export function openLineWriter(sink: ArchiveSink): ArchiveWriter {
  const digest = createHash("sha256");
  const write = async (piece: Buffer): Promise<void> => {
    digest.update(piece);
    await sink.write(piece);
  };
  return {
    begin: (header) => write(encodeHeader(header)),
    encode: (entry) => encodeEntry(entry),
    async write({ pieces }) {
      for (const piece of pieces()) await write(piece);
    },
    end: (summary) => sink.write(encodeEnd({ ...summary, digest: digest.digest("hex") })),
  };
}

/** `.json`: one array, or several, of which none is larger than `partBytesMax` unless it has one item only. `nextPart`: begins
 * the next file. It has neither a header nor an end, but for the brackets. */
export function openPairsWriter(
  sink: ArchiveSink,
  split?: { readonly partBytesMax: ByteCount; readonly nextPart: () => Promise<void> },
): ArchiveWriter {
  let size = 0;
  const put = async (bytes: Buffer): Promise<void> => {
    size += bytes.byteLength;
    await sink.write(bytes);
  };
  const isTooMuch = (item: EncodedEntry): boolean =>
    split !== undefined && size + NEXT.byteLength + countBytes(item) + CLOSE.byteLength > split.partBytesMax;
  return {
    begin: () => put(OPEN),
    // wrangler warns of properties that it does not know.
    encode: (entry) => encodeEntry({ ...entry, sha256: undefined }, "}"),
    async write(item) {
      const isFirst = size === OPEN.byteLength;
      if (!isFirst && isTooMuch(item)) {
        await put(CLOSE);
        await split?.nextPart();
        size = 0;
        await put(OPEN);
      } else if (!isFirst) await put(NEXT);
      for (const piece of item.pieces()) await put(piece);
    },
    end: () => put(CLOSE),
  };
}

const OPEN = Buffer.from("[\n");
const NEXT = Buffer.from(",\n");
const CLOSE = Buffer.from("\n]\n");
