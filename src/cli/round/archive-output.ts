// Where an export goes: one file, several of them, or stdout, in the form that its name says.

import { countedKeys } from "../../core/guards.ts";
import type { ByteCount } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { type ArchiveFormat, openArchiveSink } from "../../replica/archive/archive-sink.ts";
import { type ArchiveWriter, openLineWriter, openPairsWriter } from "../../replica/archive/archive-writer.ts";
import type { ArchiveSink } from "../../replica/archive/joined-sink.ts";
import type { Output } from "../render/output.ts";
import { type ExportFile, openExportFile } from "./export-file.ts";
import { openExportParts } from "./export-parts.ts";

export interface Target {
  readonly name: string;
  /** Undefined: stdout. */
  readonly path: string | undefined;
  readonly format: ArchiveFormat;
  /** For a .json: it becomes several files, of at most so many bytes. */
  readonly splitBytes: ByteCount | undefined;
}

export interface ArchiveOutput {
  /** Undefined: stdout. */
  readonly file: ExportFile | undefined;
  readonly sink: ArchiveSink;
  readonly writer: ArchiveWriter;
  /** How many files there are. */
  files(): number;
  /** What other programs would not make of them what they are, a line each. */
  warnings(): readonly string[];
}

/** Throws as node:fs does. */
export function openArchiveOutput({ name, path, format, splitBytes }: Target, output: Output): ArchiveOutput {
  if (path === undefined || format !== "json") {
    const file = path === undefined ? undefined : openExportFile(path);
    const sink = openArchiveSink(format, (bytes) => (file === undefined ? output.write(bytes) : file.write(bytes)));
    return { file, sink, writer: openLineWriter(sink), files: () => 1, warnings: () => [] };
  }
  const parts = splitBytes === undefined ? undefined : openExportParts(path, name);
  const file = parts ?? openExportFile(path);
  let largest = 0;
  let size = 0;
  let scalars = 0;
  const sink = openArchiveSink(format, async (bytes) => {
    size += bytes.byteLength;
    largest = Math.max(largest, size);
    await file.write(bytes);
  });
  const nextPart = async (): Promise<void> => {
    await sink.flush();
    parts?.next();
    size = 0;
  };
  const writer = openPairsWriter(sink, splitBytes === undefined ? undefined : { partBytesMax: splitBytes, nextPart });
  return {
    file,
    sink,
    writer: {
      ...writer,
      encode(entry) {
        if (entry.metadata !== undefined && !/^[[{]/.test(entry.metadata)) scalars++;
        return writer.encode(entry);
      },
    },
    files: () => parts?.count() ?? 1,
    warnings: () => wranglerWarnings(name, largest, scalars),
  };
}

/** wrangler makes one string of a file, which JavaScript lets have so many characters. */
const WRANGLER_BYTES_MAX: ByteCount = 0x1f_ff_ff_e8;

function wranglerWarnings(name: string, largest: ByteCount, scalars: number): readonly string[] {
  const warnings: string[] = [];
  if (largest > WRANGLER_BYTES_MAX)
    warnings.push(
      `wrangler cannot load ${visible(name)}, which is ${renderByteCount(largest)}: it takes at most 512 MiB. For files that it can load, add --split 400MB`,
    );
  if (scalars > 0)
    warnings.push(
      `wrangler refuses ${visible(name)}: the metadata of ${countedKeys(scalars)} is a string, a number or true or false, and wrangler takes objects and lists only. kvsync import takes it`,
    );
  return warnings;
}
