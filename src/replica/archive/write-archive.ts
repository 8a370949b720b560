// A replica written as an archive: listed once, read in whatever order is cheapest, and written in key order. An archive is
// complete if its source was listed to the end without a gap and every value could be read. A key that was deleted between the
// two is no gap: an archive shows a span of time, and its end line says which.

import type { ByteCount, Clock, EpochSeconds } from "../../core/clock.ts";
import { type Leaf, openRootHash } from "../../core/content-root.ts";
import type { Entry } from "../../core/entry.ts";
import { assert } from "../../core/errors.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { notice, type Problem } from "../../core/problem.ts";
import type { Pages, ReadableReplica, ReadOutcome, Value } from "../replica.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import { sha256Of } from "./entry-line.ts";
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
  const time = (): string => new Date(clock.now()).toISOString();
  const span: { readonly from: string; to: string | undefined } = { from: time(), to: undefined };
  let before: Key | undefined;
  let [done, listed, problems, gaps] = [0, 0, 0, 0];
  const tell = (problem: Problem): void => {
    if (problem.failure) problems++;
    onProblem(problem);
  };
  const pages = source.list({
    signal,
    onProblem: tell,
    onUnknown: ({ notice: gap }) => {
      gaps++;
      if (gap !== undefined) onProblem(gap);
    },
  });
  const listing = pages[Symbol.asyncIterator]();
  /** Pages of the listing, until the window is full: then what is under way is read to its end first. */
  const segment = async function* (): Pages<Entry> {
    while (!lines.isFull()) {
      const next = await listing.next();
      if (next.done === true) {
        span.to = time();
        return;
      }
      for (const { key } of next.value) {
        assert(before === undefined || compareUtf8(before, key) < 0, "a listing is in key order [I1]");
        before = key;
      }
      lines.expect(next.value.map(({ key }) => key));
      listed += next.value.length;
      yield next.value;
    }
  };
  try {
    await writer.begin(options.header);
    do {
      for await (const outcomes of source.read(segment(), { signal, reusesBytes: true })) {
        for (const outcome of outcomes) {
          done++;
          const value = valueOf(outcome);
          if (value === undefined) tell(problemOf(outcome));
          await lines.put(outcome.key, value);
        }
        onProgress(done, span.to === undefined ? undefined : listed, lines.bytes());
      }
    } while (span.to === undefined);
    return await lines.end({ listed: [span.from, span.to], complete: problems + gaps === 0, problems });
  } finally {
    lines.close();
    await listing.return?.();
  }
}

/** The lines of one archive: takes values in any order, and writes their lines in the order of the keys that are expected. */
function openLines(writer: ArchiveWriter, window: LineWindow) {
  const root = openRootHash();
  /** Of the lines that wait in the window. */
  const leaves = new Map<Key, Leaf>();
  let [entries, bytes] = [0, 0];
  const add = (key: Key, { entry, bytes: content, readAt }: Value): void => {
    const { metadata } = entry;
    const sha256 = sha256Of(content);
    const expiration = expirationOf(entry, readAt);
    leaves.set(key, { key, sha256, size: content.byteLength, metadata, expiration });
    window.put(key, writer.encode({ key, bytes: content, metadata, expiration, sha256 }));
  };
  return {
    bytes: () => bytes,
    expect: (keys: readonly Key[]) => window.expect(keys),
    isFull: () => window.isFull(),
    /** `value`: undefined if the key is not to be in the archive. */
    async put(key: Key, value: Value | undefined): Promise<void> {
      if (value === undefined) window.put(key, undefined);
      else add(key, value);
      for (let due = window.take(); due !== undefined; due = window.take()) {
        const leaf = leaves.get(due.key)!;
        leaves.delete(due.key);
        root.add(leaf);
        entries++;
        bytes += leaf.size;
        await writer.write(due.line);
      }
    },
    async end(found: Pick<ArchiveSummary, "listed" | "complete" | "problems">): Promise<ArchiveSummary> {
      assert(window.isEmpty(), "every key that was listed has an outcome");
      const summary = { entries, bytes, ...found, root: root.digest() };
      await writer.end(summary);
      return summary;
    },
    close: () => window.close(),
  };
}

/** What goes into the archive. Of a value that came together with the stamp of another one, the stamp is wrong: whoever reads
 * the key gets that value. */
function valueOf(outcome: ReadOutcome): Value | undefined {
  if (outcome.kind === "value") return outcome.value;
  return outcome.kind === "problem" && outcome.isMisstamped === true ? outcome.unstamped : undefined;
}

function problemOf(outcome: ReadOutcome): Problem {
  if (outcome.kind === "problem") return outcome.problem;
  return notice("vanished", outcome.key, "was listed, and was gone when it was read: it is not in the archive");
}

function expirationOf({ expiration, ttlSeconds }: Entry, readAt: number): EpochSeconds | undefined {
  if (ttlSeconds === undefined) return expiration;
  return (Math.floor(readAt / 1000) + ttlSeconds) as EpochSeconds;
}
