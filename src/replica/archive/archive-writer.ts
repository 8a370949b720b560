// What an archive is made of, as its writer hands it on: lines between a header and an end line, or the items of an array.

import { createHash } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import { type ArchivedEntry, encodeEntryLine } from "./entry-line.ts";
import type { ArchiveSink } from "./plain-sink.ts";
import { type ArchiveHeader, type ArchiveSummary, encodeEnd, encodeHeader } from "./frame-lines.ts";

export interface ArchiveWriter {
  begin(header: ArchiveHeader): Promise<void>;
  /** One entry, as {@link ArchiveWriter.write} takes it. */
  encode(entry: ArchivedEntry): Buffer;
  write(encoded: Buffer): Promise<void>;
  /** Writes what proves that it is whole, and does not end the sink. */
  end(summary: ArchiveSummary): Promise<void>;
}

/** `.ndjson`: lines, and a digest of all of them. */
export function openLineWriter(sink: ArchiveSink): ArchiveWriter {
  const digest = createHash("sha256");
  const write = async (line: Buffer): Promise<void> => {
    digest.update(line);
    await sink.write(line);
  };
  return {
    begin: (header) => write(encodeHeader(header)),
    encode: encodeEntryLine,
    write,
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
  return {
    begin: () => put(OPEN),
    // The line break is not part of an item, and of what wrangler knows no property is a sha256.
    encode: (entry) => encodeEntryLine({ ...entry, sha256: undefined }).subarray(0, -1),
    async write(item) {
      const isFirst = size === OPEN.byteLength;
      const needed = size + NEXT.byteLength + item.byteLength + CLOSE.byteLength;
      if (!isFirst && split !== undefined && needed > split.partBytesMax) {
        await put(CLOSE);
        await split.nextPart();
        size = 0;
        await put(OPEN);
      } else if (!isFirst) await put(NEXT);
      await put(item);
    },
    end: () => put(CLOSE),
  };
}

const OPEN = Buffer.from("[\n");
const NEXT = Buffer.from(",\n");
const CLOSE = Buffer.from("\n]\n");
