// A repository, opened.

import { AppError } from "../../core/errors.ts";
import { decodeConfig } from "../format/config-object.ts";
import { CONFIG_NAME, FOLDERS } from "../format/object-names.ts";
import { damaged, PUT_BACK } from "../format/damage.ts";
import { openSealer } from "../format/sealer.ts";
import type { Store } from "../store/store.ts";
import type { Repository } from "./repository.ts";
import { unlock } from "./unlock.ts";

export interface OpenRepositoryOptions {
  /** Asked for only if the repository is encrypted. Undefined: there is none. */
  readonly passphrase: () => Promise<string | undefined>;
}

/** For who was given none. */
export const PASSPHRASE_HINT =
  "set KVSYNC_PASSPHRASE_FILE to a file that holds it, or passphrase_file in the repository's entry of the config";

/** Throws AppError "repository-refused" for what is no repository, for one of a newer version, and for one that the passphrase does
 * not open; "repository-damaged". */
export async function openRepository(store: Store, { passphrase }: OpenRepositoryOptions): Promise<Repository> {
  const { label } = store;
  const bytes = await store.get(CONFIG_NAME);
  if (bytes === undefined) throw noRepository(store, await contentOf(store));
  const config = decodeConfig(bytes, label);
  const { id, created } = config;
  const isEncrypted = config.key !== undefined;
  const given = isEncrypted ? await passphrase() : undefined;
  if (isEncrypted && given === undefined) {
    throw new AppError("repository-refused", `${label} is encrypted, and no passphrase was given`, {
      hint: PASSPHRASE_HINT,
    });
  }
  const masterKey = given === undefined ? undefined : await unlock(store, config, given);
  return { id, label, store, isEncrypted, created, sealer: openSealer(masterKey) };
}

/** What a place holds that has no config.json. */
export async function contentOf(store: Store): Promise<"nothing" | "keys" | "repository" | "other"> {
  let content: "nothing" | "keys" = "nothing";
  for await (const page of store.list("")) {
    for (const { name } of page) {
      if (name.startsWith(FOLDERS.keys)) content = "keys";
      else return OURS.some((folder) => name.startsWith(folder)) ? "repository" : "other";
    }
  }
  return content;
}

const OURS = [FOLDERS.packs, FOLDERS.index, FOLDERS.snapshots];

export function noRepository({ label }: Store, content: Awaited<ReturnType<typeof contentOf>>): AppError {
  if (content === "repository") {
    return damaged(`${CONFIG_NAME} of ${label}`, "is missing", { hint: PUT_BACK });
  }
  const why = content === "other" ? "holds other files, and is no repository" : "has no repository";
  return new AppError("repository-refused", `${label} ${why}`, {
    hint: "kvsync backup LOC REPO makes one in an empty place",
  });
}
