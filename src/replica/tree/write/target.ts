// Whether what lies where a value is to be written or removed is still what was listed there. Nothing else is ever
// overwritten or removed.

import { readdirSync } from "node:fs";
import { type Entry, sameSignature } from "../../../core/entry.ts";
import { type Fingerprint, fingerprintOf } from "../../../core/fingerprint.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { signatureOf } from "../file-signature.ts";
import type { FolderHandle, FolderHandles } from "../folder-handles.ts";
import type { KeyFiles } from "../key-files.ts";
import { type Located, look } from "../locate.ts";
import { readFile } from "../read/read-file.ts";
import { type Attributes, readSidecar } from "../sidecar.ts";
import type { TreeWriter } from "./tree-writer.ts";

export interface Expectation {
  readonly key: string;
  /** What was listed; undefined: nothing. */
  readonly listed: Entry | undefined;
  /** A content that is fine to find as well: what is to be written, so that a repeated write finds its own work. */
  readonly written: (Attributes & { readonly fingerprint: Fingerprint }) | undefined;
}

/** Why `located` must be left alone, or undefined if it is as expected. */
export function checkTarget(tree: TreeWriter, located: Located, expectation: Expectation): Problem | undefined {
  const { key, listed, written } = expectation;
  if (located.kind === "problem") return located.problem;
  if (located.kind === "absent")
    return listed === undefined ? undefined : problem("changed-on-disk", key, "was removed since it was listed");
  const now = signatureOf(located.stats);
  if (listed?.signature !== undefined) {
    if (sameSignature(listed.signature, now) || tree.moves.explain(listed.signature, now)) return undefined;
  }
  const path = `${located.folder.base}/${located.place.name}`;
  if (!tree.hasExactNames() && !readdirSync(located.folder.base).includes(located.place.name))
    return problem(
      "name-collision",
      key,
      "has the file name of another key on this file system, where case or Unicode form does not count",
    );
  if (listed?.fingerprint !== undefined || written !== undefined) {
    const content = readFile(path, key, (byteLength) => Buffer.allocUnsafeSlow(byteLength));
    const fingerprint = content.kind === "file" ? fingerprintOf(content.bytes) : undefined;
    if (fingerprint !== undefined && (fingerprint === listed?.fingerprint || fingerprint === written?.fingerprint))
      return undefined;
  }
  return problem(
    "changed-on-disk",
    key,
    listed === undefined ? "was created since it was listed" : "changed since it was listed",
  );
}

export type SidecarTarget =
  | { readonly kind: "absent" }
  | { readonly kind: "sidecar"; readonly folder: FolderHandle; readonly path: string; readonly attributes: Attributes }
  | { readonly kind: "problem"; readonly problem: Problem };

/** The sidecar that lies where one is to be written or removed, if it says nothing that was not listed. The sidecar of a
 * value that does not exist counts for nothing: it may be all that a crash left. */
export function checkSidecar(
  folders: FolderHandles,
  files: KeyFiles,
  located: Located,
  { key, listed, written }: Expectation,
): SidecarTarget {
  const looked = look(folders, key, files.sidecar);
  if (looked.kind === "nothing") return { kind: "absent" };
  if (looked.kind === "problem") return looked;
  if (!looked.stats.isFile())
    return { kind: "problem", problem: problem("not-a-file", key, "has a sidecar that is no file") };
  const path = `${looked.folder.base}/${files.sidecar.name}`;
  const sidecar = readSidecar(path);
  if (sidecar.kind === "fault") {
    const message = `${sidecar.message}; the key is left alone`;
    return { kind: "problem", problem: problem("metadata-invalid", key, message) };
  }
  const { attributes } = sidecar;
  if (located.kind === "file" && !isCovered(attributes, listed) && !isCovered(attributes, written))
    return {
      kind: "problem",
      problem: problem("changed-on-disk", key, "has a sidecar that changed since it was listed"),
    };
  return { kind: "sidecar", folder: looked.folder, path, attributes };
}

/** Whether `known` says all that `attributes` does. It may say more: what a mapping's rules add. */
function isCovered(attributes: Attributes, known: Attributes | undefined): boolean {
  return (
    known !== undefined &&
    (attributes.metadata === undefined || attributes.metadata === known.metadata) &&
    (attributes.expiration === undefined || attributes.expiration === known.expiration)
  );
}
