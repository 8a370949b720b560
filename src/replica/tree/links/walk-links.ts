// The symbolic links that a walk of a tree meets, where the mapping follows them: what they lead to, by way of folders that are
// open for one page of the walk.

import type { Problem } from "../../../core/problem.ts";
import { FolderHandles } from "../folder-handles.ts";
import { placeOf } from "../key-files.ts";
import type { RootIdentity } from "../tree-root.ts";
import type { LinkIndex } from "./link-index.ts";
import { lookThrough } from "./look-through.ts";
import { type LinkRules, type Resolved, resolveLink } from "./resolve-link.ts";

export class WalkLinks {
  readonly #rules: LinkRules;
  readonly #identity: RootIdentity;
  readonly #index: LinkIndex | undefined;
  #folders: FolderHandles | undefined;
  #linkedFolders = 0;

  /** `index` is filled with the links that are met. */
  constructor(rules: LinkRules, identity: RootIdentity, index: LinkIndex | undefined) {
    this.#rules = rules;
    this.#identity = identity;
    this.#index = index;
    index?.begin();
  }

  /** Everything was walked. */
  end(): void {
    this.#index?.end();
  }

  get areFollowed(): boolean {
    return this.#rules.policy !== "skip";
  }

  /** What the link at `path`, from the root, leads to. Circles are for the walk to find. */
  resolve(path: string): Resolved {
    const resolved = resolveLink(this.#rules, this.#open(), path, { mayRepeat: true });
    this.#index?.add({ path, target: resolved.target, through: resolved.through });
    return resolved;
  }

  /** The walk goes into a folder that a link leads to, or below one. Returns how many of these there were, this one included. */
  enterFolder(): number {
    return ++this.#linkedFolders;
  }

  /** What to open the sidecar of `key` at `path` by. */
  sidecar(key: string, path: string): { readonly at: string } | { readonly problem: Problem } | undefined {
    const looked = lookThrough(this.#rules, this.#open(), key, placeOf(path));
    return looked.kind === "nothing" ? undefined : looked;
  }

  /** Closes what is open; it is opened anew when it is needed. */
  release(): void {
    this.#folders?.close();
    this.#folders = undefined;
  }

  #open(): FolderHandles {
    return (this.#folders ??= new FolderHandles(this.#rules.root, { identity: this.#identity, isDurable: false }));
  }
}
