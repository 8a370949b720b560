// What the destination held before the first write, kept as an archive in the migration's folder: `kvsync migrate undo` puts it back.

import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { openArchiveSink } from "../replica/archive/archive-sink.ts";
import { openLineWriter } from "../replica/archive/archive-writer.ts";
import { writeArchive } from "../replica/archive/write-archive.ts";
import { isDiskFull } from "../replica/tree/fs-fault.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import { renameWhole } from "./write-whole.ts";

export interface KeepDeps {
  readonly clock: Clock;
  readonly folder: MigrationFolder;
  readonly signal: AbortSignal;
  /** `kvsync 0.1.0` */
  readonly by: string;
}

interface Kept {
  readonly destination: ReadableReplica;
  readonly namespaceId: string;
  /** Of the migration: another one of this name keeps what is there then. */
  readonly startedAt: EpochMs;
}

const writeSome = promisify(write);

/** Returns the file's name in the folder. One that is there already is of an earlier run, and whole: it has its name only then. Throws
 * AppError "incomplete" if a value cannot be read: it could not be put back. */
export async function keepDestination(
  { clock, folder, signal, by }: KeepDeps,
  { destination, namespaceId, startedAt }: Kept,
): Promise<string> {
  const name = `before-${namespaceId}-${startedAt}.ndjson.zst`;
  const path = join(folder.path, name);
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return name;
  const part = `${path}.part`;
  const scratch = mkdtempSync(join(folder.path, "scratch-"));
  let fd: number | undefined;
  try {
    const file = openSync(part, "w", 0o600);
    fd = file;
    const sink = openArchiveSink("ndjson.zst", async (bytes) => {
      for (let at = 0; at < bytes.byteLength;)
        at += (await writeSome(file, bytes, at, bytes.byteLength - at, null)).bytesWritten;
    });
    try {
      const end = await writeArchive({
        clock,
        source: destination,
        header: {
          created: new Date(clock.now()).toISOString(),
          by,
          source: { namespace: namespaceId, label: destination.label },
          filter: null,
        },
        writer: openLineWriter(sink),
        scratchPath: join(scratch, "lines"),
        signal,
        onProblem: () => undefined,
        onProgress: () => undefined,
      });
      await sink.end();
      if (!end.complete) throw notWhole(destination.label, end.problems);
    } finally {
      await sink.abort();
    }
    fsyncSync(file);
    renameWhole(part, path);
    return name;
  } catch (error) {
    throw error instanceof AppError || !(error instanceof Error && "syscall" in error) || !isDiskFull(error)
      ? error
      : diskFull(destination.label, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
    rmSync(part, { force: true });
    rmSync(scratch, { recursive: true, force: true });
  }
}

function notWhole(label: string, problems: number): AppError {
  return new AppError(
    "incomplete",
    `${problems} keys of ${visible(label)} could not be read, to be kept before it is written to`,
    {
      hint: "nothing was changed; kvsync export names these keys",
    },
  );
}

function diskFull(label: string, cause: unknown): AppError {
  return new AppError(
    "disk-full",
    `the disk of the state folder is full: what ${visible(label)} holds could not be kept`,
    {
      hint: "nothing was changed; make room there, and type the command again",
      cause,
    },
  );
}
