// One conflict copy as a value: read with its own sidecar, and taken away when what it holds is kept elsewhere.

import { isUtf8 } from "node:buffer";
import { closeSync, fsyncSync, lstatSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { sameSignature } from "../../core/entry.ts";
import { AppError, visible } from "../../core/errors.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import { conflictSidecarPath } from "../../core/names/path-codec.ts";
import { signatureOf } from "../../replica/tree/file-signature.ts";
import { describeFault } from "../../replica/tree/fs-fault.ts";
import type { Value } from "../../replica/replica.ts";
import { readFile } from "../../replica/tree/read/read-file.ts";
import { NO_ATTRIBUTES, readSidecar } from "../../replica/tree/sidecar.ts";
import type { FoundCopy } from "./find-copies.ts";

type Place = Pick<MappingConfig, "folder" | "names">;

/** Throws AppError `io` if it is gone, or cannot be read whole. */
export function readCopy(clock: Clock, { folder, names }: Place, copy: FoundCopy): Value {
  const path = join(folder, copy.path);
  const read = readFile(path, copy.path, (byteLength) => Buffer.alloc(byteLength));
  const refuse = (why: string): AppError =>
    new AppError("io", `the conflict copy ${visible(copy.path)} ${why}`, {
      hint: "see which there are: kvsync conflicts list",
    });
  if (read.kind === "problem") throw refuse(read.problem.message);
  if (read.kind !== "file") throw refuse("is not there");
  const sidecar = join(folder, conflictSidecarPath(copy.key, names, copy));
  const attributes = isThere(sidecar) ? readSidecar(sidecar) : undefined;
  if (attributes?.kind === "fault") throw refuse(`cannot be used: ${attributes.message}`);
  const { bytes, stats } = read;
  return {
    entry: {
      key: copy.key as Key,
      fingerprint: fingerprintOf(bytes),
      ...(attributes?.attributes ?? NO_ATTRIBUTES),
      ttlSeconds: undefined,
      size: bytes.byteLength,
      signature: signatureOf(stats),
      binary: !isUtf8(bytes),
    },
    bytes,
    readAt: clock.now(),
  };
}

/** Takes a copy away of which `value` was read and is kept elsewhere by now. Throws AppError `io` if it has changed since, and stays. */
export function removeCopy({ folder, names }: Place, copy: FoundCopy, { entry }: Value): void {
  const path = join(folder, copy.path);
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && !sameSignature(signatureOf(stats), entry.signature!))
      throw new AppError("io", `the conflict copy ${visible(copy.path)} was changed meanwhile, and stays`, {
        hint: "look at it again: kvsync conflicts list",
      });
    rmSync(path, { force: true });
    rmSync(join(folder, conflictSidecarPath(copy.key, names, copy)), { force: true });
    syncFolder(dirname(path));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("io", `cannot remove the conflict copy ${visible(copy.path)}: ${describeFault(error)}`, {
      hint: "what it held is kept; remove it by hand",
      cause: error,
    });
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
