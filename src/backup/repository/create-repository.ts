// A new repository. Its key goes to the store before config.json does: whoever finds config.json finds the key. Of two who create one at
// once, one writes config.json, and the other is refused.

import { randomBytes } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { decodeConfig, encodeConfig } from "../format/config-object.ts";
import { encodeKeyObject, keyObjectName } from "../format/key-object.ts";
import { CONFIG_NAME } from "../format/object-names.ts";
import { KEY_BYTES, openSealer } from "../format/sealer.ts";
import type { Store } from "../store/store.ts";
import { contentOf, noRepository } from "./open-repository.ts";
import type { Repository } from "./repository.ts";
import { unlock } from "./unlock.ts";

export interface CreateRepositoryOptions {
  /** Undefined: it is not encrypted. */
  readonly passphrase: string | undefined;
  readonly clock: Clock;
}

/** Throws AppError "repository-refused" if there is one already, or if the store holds anything else. */
export async function createRepository(
  store: Store,
  { passphrase, clock }: CreateRepositoryOptions,
): Promise<Repository> {
  const { label } = store;
  if ((await store.head(CONFIG_NAME)) !== undefined) throw exists(label);
  const content = await contentOf(store);
  // A key alone was left by somebody who was killed before config.json was written, or is about to write it.
  if (content !== "nothing" && content !== "keys") throw noRepository(store, content);
  const id = randomBytes(ID_BYTES).toString("hex");
  const created = new Date(clock.now()).toISOString();
  const masterKey = passphrase === undefined ? undefined : randomBytes(KEY_BYTES);
  let keyName: string | undefined;
  if (masterKey !== undefined && passphrase !== undefined) {
    const key = await encodeKeyObject({ masterKey, passphrase, repositoryId: id, created });
    keyName = keyObjectName(key);
    await store.putNew(keyName, key);
  }
  const isEncrypted = masterKey !== undefined;
  await store.putNew(CONFIG_NAME, encodeConfig({ id, created, key: keyName }));
  const written = await store.get(CONFIG_NAME);
  if (written === undefined || decodeConfig(written, label).id !== id) {
    if (keyName !== undefined) await store.remove(keyName);
    throw exists(label);
  }
  return { id, label, store, isEncrypted, created, sealer: openSealer(masterKey) };
}

const ID_BYTES = 16;

function exists(label: string): AppError {
  return new AppError("repository-refused", `${label} is a repository already`, {
    hint: "another run has just made it: type the same command again, with the passphrase of that one",
  });
}

/** From now on `added` opens an encrypted repository, besides `passphrase`. */
export async function addPassphrase(
  store: Store,
  options: {
    readonly repository: Repository;
    readonly passphrase: string;
    readonly added: string;
    readonly clock: Clock;
  },
): Promise<void> {
  const { repository, passphrase, added, clock } = options;
  if (!repository.isEncrypted) {
    throw new AppError("repository-refused", `${repository.label} is not encrypted: it needs no passphrase`);
  }
  const config = decodeConfig((await store.get(CONFIG_NAME)) ?? new Uint8Array(), repository.label);
  const masterKey = await unlock(store, config, passphrase);
  const created = new Date(clock.now()).toISOString();
  const key = await encodeKeyObject({ masterKey, passphrase: added, repositoryId: repository.id, created });
  await store.putNew(keyObjectName(key), key);
}
