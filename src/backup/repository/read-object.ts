// Objects of a repository as they were written: each is held against its name, which is the SHA-256 of its bytes.

import { sha256Of } from "../../core/fingerprint.ts";
import type { CallOptions } from "../store/store.ts";
import { damaged } from "../format/damage.ts";
import { sealedName } from "../format/object-names.ts";
import type { ObjectId, Repository } from "./repository.ts";

/** The plain bytes of an index or a snapshot object. Undefined: there is none. Throws AppError "repository-damaged". */
export async function readSealed(
  { store, sealer, label }: Pick<Repository, "store" | "sealer" | "label">,
  kind: "index" | "snapshot",
  id: ObjectId,
  options?: CallOptions,
): Promise<Uint8Array | undefined> {
  const name = sealedName(kind, id);
  const stored = await store.get(name, undefined, options);
  if (stored === undefined) return undefined;
  const plain = sha256Of(stored) === id ? await sealer.open(kind, stored) : undefined;
  if (plain === undefined) throw damaged(name, "is not as it was written", { repository: label });
  return plain;
}

export interface WrittenObject {
  readonly id: ObjectId;
  /** Nothing was there under its name. A store that takes no conditions cannot tell for sure of what two write at once. */
  readonly isNew: boolean;
}

/** Seals `plain` and stores it. */
export async function writeSealed(
  repository: Repository,
  kind: "index" | "snapshot",
  plain: Uint8Array,
  options?: CallOptions,
): Promise<WrittenObject> {
  const { store, sealer } = repository;
  const stored = await sealer.seal(kind, plain);
  const id = sha256Of(stored);
  const name = sealedName(kind, id);
  // Who writes a snapshot may take it back, but not one that was there: a store that takes no conditions does not tell.
  const isThere = kind === "snapshot" && (await store.head(name, options)) !== undefined;
  const outcome = await store.putNew(name, stored, options);
  // What is there already under this name may have been damaged since.
  if (outcome === "exists") await readSealed(repository, kind, id, options);
  return { id, isNew: outcome === "written" && !isThere };
}
