// A source without keys is most often a name that was mistyped: how that is noticed, and what to type instead.

import { kvsyncCommand, shellWord } from "../core/shell-word.ts";
import { readdirSync } from "node:fs";
import { visible } from "../core/errors.ts";
import { LIST_LIMIT_MIN } from "../core/limits.ts";
import { renderRemote } from "../core/prefix.ts";
import type { KvApi, Namespace } from "../kv/kv-api.ts";
import type { ReadableReplica } from "../replica/replica.ts";

/** `replica`, and how many keys it has listed so far. */
export function countListed(replica: ReadableReplica): { readonly replica: ReadableReplica; keys(): number } {
  let keys = 0;
  return {
    replica: {
      ...replica,
      async *list(options) {
        for await (const page of replica.list(options)) {
          keys += page.length;
          yield page;
        }
      },
    },
    keys: () => keys,
  };
}

export function hintForEmptyFolder(path: string): string {
  return readdirSync(path).length === 0
    ? "check the path"
    : "none of the files in it is taken for a key: kvsync doctor shows what is excluded";
}

export interface EmptyNamespace {
  readonly account: string;
  readonly api: KvApi;
  readonly namespace: Namespace;
  readonly prefix: string;
  readonly signal: AbortSignal;
}

/** One request, for keys that begin as the folder does. */
export async function hintForEmptyNamespace({
  account,
  api,
  namespace,
  prefix,
  signal,
}: EmptyNamespace): Promise<string> {
  const name = (text: string): string => renderRemote(account, namespace.title, text);
  if (prefix.length > 1 && prefix.endsWith("/")) {
    const start = prefix.slice(0, -1);
    const { keys } = await api.listKeys(namespace.id, { prefix: start, limit: LIST_LIMIT_MIN }, { signal });
    const [like] = keys;
    if (like !== undefined)
      return `no key is in the folder ${visible(prefix)}, but "${visible(like.name)}" begins with "${visible(start)}": write ${shellWord(name(start))} for all that do`;
  }
  return `${kvsyncCommand("key list", [name("")])} shows which keys there are`;
}
