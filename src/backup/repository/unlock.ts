// The master key of a repository, found by a passphrase among its key objects.

import { AppError } from "../../core/errors.ts";
import type { RepositoryConfig } from "../format/config-object.ts";
import { damaged, PUT_BACK } from "../format/damage.ts";
import { decodeKeyObject, unwrapKey } from "../format/key-object.ts";
import { FOLDERS } from "../format/object-names.ts";
import type { Store } from "../store/store.ts";

/** Throws AppError "repository-refused" if no key object is wrapped by `passphrase`. */
export async function unlock(store: Store, config: RepositoryConfig, passphrase: string): Promise<Uint8Array> {
  let tried = 0;
  let isNewer = false;
  const bad: string[] = [];
  for (const name of await keyNames(store, config)) {
    const bytes = await store.get(name);
    if (bytes === undefined) continue;
    const key = decodeKeyObject(bytes, name);
    if (key === "damaged") bad.push(name);
    else if (key === "newer") isNewer = true;
    else {
      const masterKey = await unwrapKey(key, { passphrase, repositoryId: config.id });
      if (masterKey !== undefined) return masterKey;
      tried++;
    }
  }
  const { label } = store;
  if (isNewer) {
    throw new AppError("repository-refused", `${label} has keys of a newer version of kvsync`, {
      hint: "use it with a newer kvsync",
    });
  }
  if (bad.length > 0) {
    const why = tried > 0 ? ", and the passphrase does not open any other key" : "";
    throw damaged(`${bad.join(", ")} of ${label}`, `is not as it was written${why}`, { hint: PUT_BACK });
  }
  if (tried === 0)
    throw damaged(label, "is encrypted, and its keys/ are gone: nothing in it can be read without them", {
      hint: "put keys/ back from a copy of the repository: what is in it is written once, and never changes",
    });
  throw new AppError("repository-refused", `the passphrase does not open ${label}`, {
    hint: "give the one that the repository was made with, or one that was added to it",
  });
}

async function keyNames(store: Store, { key }: RepositoryConfig): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  if (key !== undefined) names.add(key);
  for await (const page of store.list(FOLDERS.keys)) for (const { name } of page) names.add(name);
  return names;
}
