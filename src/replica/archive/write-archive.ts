// A replica written as an archive, in key order. An archive is complete if its source was listed to the end without a gap and
// every value could be read. It shows a span of time, and its end line says which.

import type { ByteCount, Clock } from "../../core/clock.ts";
import { type Leaf, openRootHash } from "../../core/content-root.ts";
import type { Entry } from "../../core/entry.ts";
import { assert } from "../../core/errors.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { Problem } from "../../core/problem.ts";
import { expirationOf, readAll, type ReadWhole, type Taker } from "../read-all.ts";
import type { ReadableReplica, Value } from "../replica.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import type { EncodedEntry } from "./encode-entry.ts";
import type { ArchiveHeader, ArchiveSummary } from "./frame-lines.ts";
import { type LineWindow, openLineWindow, type WindowLimits } from "./line-window.ts";

export interface WriteArchiveOptions {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly header: ArchiveHeader;
  readonly writer: ArchiveWriter;
  /** Of a file that nobody else uses. */
  readonly scratchPath: string;
  readonly limits?: WindowLimits;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** `total`: keys listed, once the listing is over. */
  readonly onProgress: (done: number, total: number | undefined, bytes: ByteCount) => void;
}

/** Writes all of it, the end line too, and does not end the sink. A listing that fails throws, and leaves no end. */
export async function writeArchive(options: WriteArchiveOptions): Promise<ArchiveSummary> {
  const { clock, source, writer, signal, onProblem, onProgress } = options;
  const lines = openLines(writer, openLineWindow(options.scratchPath, options.limits));
  try {
    await writer.begin(options.header);
    const found = await readAll({
      clock,
      source,
      taker: lines,
      signal,
      onProblem,
      onProgress: (done, total) => onProgress(done, total, lines.bytes()),
      lack: "it is not in the archive",
    });
    return await lines.end(found);
  } finally {
    lines.close();
  }
}

interface Lines extends Taker {
  /** Of the values that were written. */
  bytes(): ByteCount;
  end(found: ReadWhole): Promise<ArchiveSummary>;
  close(): void;
}

/** The lines of one archive: takes values in any order, and writes their lines in the order of the keys that are expected. */
function openLines(writer: ArchiveWriter, window: LineWindow): Lines {
  const root = openRootHash();
  /** Of the lines that wait in the window. */
  const leaves = new Map<Key, Leaf>();
  let [entries, bytes] = [0, 0];
  const write = async (leaf: Leaf, line: EncodedEntry): Promise<void> => {
    root.add(leaf);
    entries++;
    bytes += leaf.size;
    await writer.write(line);
  };
  const add = async (key: Key, { entry, bytes: content, readAt }: Value): Promise<void> => {
    const { metadata } = entry;
    const sha256 = sha256Of(content);
    const expiration = expirationOf(entry, readAt);
    const leaf: Leaf = { key, sha256, size: content.byteLength, metadata, expiration };
    const line = writer.encode({ key, bytes: content, metadata, expiration, sha256 });
    if (window.isNext(key)) {
      window.pass();
      await write(leaf, line);
    } else {
      leaves.set(key, leaf);
      window.put(key, line);
    }
  };
  return {
    bytes: () => bytes,
    expect(entries: readonly Entry[]): readonly Entry[] {
      window.expect(entries.map(({ key }) => key));
      return entries;
    },
    isFull: () => window.isFull(),
    async put(key, value) {
      if (value === undefined) window.put(key, undefined);
      else await add(key, value);
      for (let due = window.take(); due !== undefined; due = window.take()) {
        const leaf = leaves.get(due.key)!;
        leaves.delete(due.key);
        await write(leaf, due.line);
      }
    },
    async end(found) {
      assert(window.isEmpty(), "every key that was listed has an outcome");
      const summary = { entries, bytes, ...found, root: root.digest() };
      await writer.end(summary);
      return summary;
    },
    close: () => window.close(),
  };
}
