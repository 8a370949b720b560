// A tree: the replica whose keys are the files below a folder. What it does in detail is in the files beside this one;
// here is what they are given, and the order in which groups and pages follow each other.

import { resolve } from "node:path";
import type { Clock, DurationMs } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { KeyFilter } from "../../core/filter.ts";
import { keyFault } from "../../core/key.ts";
import { notice } from "../../core/problem.ts";
import type { SymlinkPolicy } from "../../core/symlink-policy.ts";
import type { NameScheme } from "../../core/names/name-scheme.ts";
import { decodePath } from "../../core/names/path-codec.ts";
import type { KeptCopy, ListOptions, Pages, RemoveOutcome, Replica, Value, WriteOutcome } from "../replica.ts";
import { keepConflictCopy } from "./write/conflict-copy.ts";
import { lookupKeys } from "./scan/lookup-keys.ts";
import { nextTurn } from "./event-loop.ts";
import { describeFault } from "./fs-fault.ts";
import { groupsOf, REMOVES } from "./write/grouping.ts";
import { countOpenFiles } from "./open-files.ts";
import type { LinkIndex } from "./links/link-index.ts";
import type { LinkRules } from "./links/resolve-link.ts";
import { WalkLinks } from "./links/walk-links.ts";
import { pathsInside, pathsInsideMounts } from "./paths-inside.ts";
import { probeFileSystem } from "./probe-file-system.ts";
import { readValues, type TreeFiles } from "./read/read-values.ts";
import { removeGroup } from "./write/remove-group.ts";
import { Leftovers, tempNames } from "./write/temp-names.ts";
import { readRootIdentity, rootMissing } from "./tree-root.ts";
import { Moves, type TreeWriter } from "./write/tree-writer.ts";
import { walkTree } from "./scan/walk.ts";
import { writePages } from "./write/write-pages.ts";

export interface TreeOptions {
  readonly clock: Clock;
  /** A folder, which must exist when the tree is listed, read or written; it may be a symbolic link to one. */
  readonly root: string;
  readonly label: string;
  /** Default: posix. */
  readonly names?: NameScheme | undefined;
  /** Keys that do not pass are not listed, and folders that can only hold such are not opened. */
  readonly filter?: KeyFilter | undefined;
  /** Sync files and folders before a write counts as done. Default: true. */
  readonly durable?: boolean | undefined;
  /** Folders that are not part of the tree, absolute or from the root; those outside of it do not matter. */
  readonly ignorePaths?: readonly string[] | undefined;
  /** A file that changed more recently than that, by the file system's clock, is waited for before it is replaced or removed:
   * somebody may still be writing it. Default: 0. */
  readonly quietMs?: DurationMs | undefined;
  /** What the far side puts before each key: decides, with the key, whether that is legal. Default: "". */
  readonly prefix?: string | undefined;
  /** Whether what symbolic links lead to is read; it is never written. Default: skip. */
  readonly symlinks?: SymlinkPolicy | undefined;
  /** A list fails for folders that hold mostly symbolic links, if these are skipped: as a source that is a mistake. Default: false. */
  readonly failsOnSkippedLinks?: boolean | undefined;
  /** Told of the links that each list meets. */
  readonly linkIndex?: LinkIndex | undefined;
}

export interface TreeReplica extends Replica {
  /** Keeps `value` as a conflict copy beside the file of its key, where it is never synced. */
  readonly keepConflictCopy: (value: Value) => Promise<KeptCopy>;
}

/** Nothing is touched, nor looked for, before the first use. */
export function openTreeReplica(options: TreeOptions): TreeReplica {
  const { clock, label, filter, prefix = "", names: scheme = "posix" } = options;
  // Without the final slash, so that "/" becomes "".
  const root = resolve(options.root).replace(/\/$/, "");
  // Found anew before each list and write: a folder may be mounted, or be linked to, meanwhile.
  let ignored: readonly string[] = [];
  let reserved: readonly string[] = [];
  const findIgnored = (): void => {
    ignored = ignoredFolders(root, options.ignorePaths ?? []);
    reserved = ignored.map((path) => `${keyOf(path, scheme)}/`);
  };
  const leftovers = new Leftovers(clock);
  const links = linkRulesOf(root, options, () => ignored);
  const files: TreeFiles = { clock, root, scheme, isDurable: options.durable ?? true, links };
  const writer: TreeWriter = {
    ...files,
    filter,
    isReserved: (key) => reserved.some((start) => key.startsWith(start)),
    tempName: tempNames(clock),
    moves: new Moves(),
    quietMs: options.quietMs ?? 0,
    hasExactNames: once(() => {
      const traits = probeFileSystem(root);
      return traits === undefined || (traits.caseSensitive && !traits.normalises);
    }),
  };
  return {
    kind: "tree",
    label,
    traits: {
      eventuallyConsistent: false,
      readsCostRequests: false,
      readOrder: "any",
      writing: "in-place",
      needsBytesUntil: "outcome",
    },
    async *list({ signal, onProblem, onUnknown = () => {}, onFixed = () => {} }: ListOptions): Pages<Entry> {
      signal?.throwIfAborted();
      const identity = readRootIdentity(root);
      findIgnored();
      for (const start of reserved) {
        const own = notice("name-reserved", start, "is a folder of kvsync's own: it is not synced");
        onUnknown({ prefix: start, notice: own });
      }
      const pages = walkTree({
        root,
        scheme,
        filter,
        keyFault: (text) => keyFault(prefix + text),
        ignored: new Set(ignored.map((path) => `${root}/${path}`)),
        onProblem,
        onUnknown,
        onFixed,
        onTemp: (path) => leftovers.note(path),
        links: new WalkLinks(links, identity, options.linkIndex),
        failsOnSkippedLinks: options.failsOnSkippedLinks === true && links.policy === "skip",
      });
      for (;;) {
        const { done, value } = nextPage(pages, root);
        if (done === true) return;
        yield value;
        await nextTurn();
        signal?.throwIfAborted();
      }
    },
    lookup: (keys, lookupOptions) => {
      findIgnored();
      return lookupKeys(writer, keys, lookupOptions);
    },
    fetch: undefined,
    read: (entries, transfer = {}) => {
      if (links.policy !== "skip") findIgnored();
      return readValues(files, entries, transfer);
    },
    async *write(writes, { signal } = {}): Pages<WriteOutcome> {
      const identity = readRootIdentity(root);
      findIgnored();
      leftovers.removeAll();
      yield* writePages(writer, writes, { identity, signal });
    },
    async *remove(entries, { signal } = {}): Pages<RemoveOutcome> {
      const identity = readRootIdentity(root);
      findIgnored();
      leftovers.removeAll();
      const { removesMax } = countOpenFiles();
      const grouping = { ...REMOVES, itemsMax: Math.min(REMOVES.itemsMax, removesMax) };
      for await (const page of entries) {
        for (const group of groupsOf(page, grouping)) {
          signal?.throwIfAborted();
          yield await removeGroup(writer, group, { identity, signal });
          await nextTurn();
        }
      }
    },
    keepConflictCopy: (value) => keepConflictCopy(writer, value),
    async close() {},
  };
}

/** A root that cannot be listed is a failure of the whole side. */
function nextPage(pages: Iterator<Entry[], void>, root: string): IteratorResult<Entry[], void> {
  try {
    return pages.next();
  } catch (error) {
    throw rootMissing(root, describeFault(error), error);
  }
}

/** `ignored`: the folders of the tree that are not part of it, from the root. */
function linkRulesOf(root: string, options: TreeOptions, ignored: () => readonly string[]): LinkRules {
  const own = options.ignorePaths?.map((path) => resolve(`${root}/`, path)) ?? [];
  return {
    policy: options.symlinks ?? "skip",
    root,
    isOwn: (path) => {
      if (!path.startsWith(`${root}/`)) return own.some((folder) => pathsInside(folder, path).length > 0);
      const below = path.slice(root.length + 1);
      return ignored().some((folder) => below === folder || below.startsWith(`${folder}/`));
    },
  };
}

function ignoredFolders(root: string, paths: readonly string[]): readonly string[] {
  const found = paths.flatMap((path) => pathsInsideMounts(`${root}/`, resolve(`${root}/`, path)));
  return [...new Set(found)].filter((path) => path !== "");
}

/** The key whose folder is at `path`; a path that is no key's has no keys below it either. */
function keyOf(path: string, scheme: NameScheme): string {
  const decoded = decodePath(path, scheme);
  return decoded.kind === "value" ? decoded.key : path;
}

function once<T>(find: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: find() }).value;
}
