// Archives for tests: made of values, in a folder that is gone afterwards.

import { mkdtempSync, rmSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveFormat, openArchiveSink } from "../../src/replica/archive/archive-sink.ts";
import { openLineWriter, openPairsWriter } from "../../src/replica/archive/archive-writer.ts";
import type { ArchiveSummary } from "../../src/replica/archive/frame-lines.ts";
import type { WindowLimits } from "../../src/replica/archive/line-window.ts";
import { writeArchive } from "../../src/replica/archive/write-archive.ts";
import { openMemoryReplica } from "../../src/replica/memory.ts";
import type { ReadableReplica, Value } from "../../src/replica/replica.ts";
import type { Problem } from "../../src/core/problem.ts";
import { FakeClock } from "./fake-clock.ts";
import { collect, pagesOf } from "./values.ts";

export interface ArchiveFolder {
  readonly path: string;
  remove(): void;
}

export function openArchiveFolder(): ArchiveFolder {
  const path = mkdtempSync(join(tmpdir(), "kvsync-archive-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function memoryOf(clock: FakeClock, values: readonly Value[]) {
  const memory = openMemoryReplica({ clock, label: "memory" });
  await collect(memory.write(pagesOf(values.map((value) => ({ value, expected: undefined })))));
  return memory;
}

/** Writes `source` to `path`. */
export async function archiveOf(
  source: ReadableReplica,
  path: string,
  format: ArchiveFormat = "ndjson",
  limits?: WindowLimits,
  sink = openArchiveSink(format, (bytes) => appendFile(path, bytes)),
): Promise<ArchiveSummary & { readonly told: readonly Problem[] }> {
  const told: Problem[] = [];
  const end = await writeArchive({
    clock: new FakeClock({ now: Date.now() }),
    source,
    header: { created: new Date(0).toISOString(), by: "test", source: { memory: true }, filter: null },
    writer: format === "json" ? openPairsWriter(sink) : openLineWriter(sink),
    scratchPath: `${path}.scratch`,
    ...(limits !== undefined && { limits }),
    signal: new AbortController().signal,
    onProblem: (problem) => told.push(problem),
    onProgress: () => {},
  });
  await sink.end();
  return { ...end, told };
}
