// The folders of a tree, as chokidar watches them: one `fs.watch` a folder. Chokidar follows the folders that come, go and
// move; the names that change are those of its `raw` events.
//
// Chokidar is told of folders alone, since what it would tell of a file has passed its own comparison: a file that took the
// place of one of its size and time is no change to it, and a folder that took the place of a file is not watched. To us an
// event is a hint that a scan checks, so each name that the system tells of is passed on at once. A folder is told a second
// time, with all below it, when chokidar has come to watch it: what happened in it before that is covered by this. Where many
// folders come at once, it comes to watch most of them later (held-folders.ts).

import { type FSWatcher, watch } from "chokidar";
import { lstatSync, readdirSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname } from "node:path";
import { isTempName } from "../../core/names/temp-name.ts";
import { nextTurn } from "../../replica/tree/event-loop.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { countEvents } from "./event-queue.ts";
import { type FolderIdentity, hasInodeOf, identityOf, isSameFolder } from "./folder-identity.ts";
import { HeldFolders } from "./held-folders.ts";
import { findIgnoredPaths } from "./ignored-paths.ts";
import { readWatchedInodes } from "./inotify-watches.ts";
import { walkFolders } from "./walk-folders.ts";
import { classifyWatchFault, type Exhausted, RETRY_HINT } from "./watch-fault.ts";

interface TreeEvents {
  /** A path from the root; with all that is below it if it ends in "/". */
  onChanged(path: string): void;
  /** A folder may not be watched any more, and chokidar does not notice: all must be watched anew. */
  onLost(reason: string): void;
  /** A folder that this user may not open. */
  onUnreadable(reason: string): void;
  /** The system cannot watch any more folders. */
  onExhausted(fault: Exhausted): void;
}

export interface WatchedTreeOptions {
  /** Absolute. */
  readonly root: string;
  readonly ignorePaths: readonly string[];
  readonly isFolderIgnored?: ((path: string) => boolean) | undefined;
  readonly events: TreeEvents;
}

/** Chokidar would poll every folder, and tell of none of the files. */
const POLLING_ASKED: Exhausted = {
  kind: "exhausted",
  reason: "the environment variable CHOKIDAR_USEPOLLING asks for it",
  hint: "unset CHOKIDAR_USEPOLLING, and start kvsync again, to have it watch",
};

/** What is watched later is so in parts: a round over the keys of one part looks at each of them, as it is about fewer than 10,000. */
const NAMES_OF_PART = 4000;
/** Of the folders that were given to chokidar by name, so many may be gone: it waits for each of them, and reads the folder that it was
 * in anew with whatever happens there. */
const AWAITED_MAX = 16;

export class WatchedTree {
  readonly #options: WatchedTreeOptions;
  #watcher: FSWatcher | undefined;
  #closing: Promise<void> | undefined;
  #endOpening = (): void => undefined;
  #isFollowing = false;
  #isLost = false;
  /** What the paths of events begin with, without a final slash. */
  #top = "";
  #ignored: ReadonlySet<string> = new Set();
  /** The paths of folders that chokidar may watch. */
  readonly #offered = new Set<string>();
  readonly #watched = new Map<string, FolderIdentity>();
  readonly #unreadable = new Set<string>();
  /** Of those watched, the ones that came, or that something happened to, since `checkDoubts`. */
  readonly #doubtful = new Set<string>();
  readonly #held = new HeldFolders();
  /** Those that chokidar was given by name, and how many of them are gone. */
  readonly #named = new Set<string>();
  #awaited = 0;

  constructor(options: WatchedTreeOptions) {
    this.#options = options;
  }

  /** False also when the root was found missing while it was to be opened. */
  get isOpen(): boolean {
    return this.#watched.has("");
  }

  /** How many folders are watched. */
  get watched(): number {
    return this.#watched.size - this.#unreadable.size;
  }

  get unreadable(): number {
    return this.#unreadable.size;
  }

  /** Some of the new folders are watched later, by `watchHeld`. */
  get isHolding(): boolean {
    return !this.#held.isEmpty;
  }

  /** Watches the root and all below it; must be closed before. Ends early after `onExhausted`. */
  async open(): Promise<void> {
    const { root, ignorePaths } = this.#options;
    const top = findFolder(root);
    if (top === undefined) return;
    this.#top = top;
    this.#ignored = findIgnoredPaths(root, ignorePaths);
    this.#isLost = false;
    // From the root, as chokidar would take a backslash in a path for a slash.
    const watcher = watch(".", {
      cwd: this.#top,
      backend: "native",
      atomic: false,
      followSymlinks: false,
      ignored: (path, stats) => this.#isIgnored(path, stats),
    });
    this.#watcher = watcher;
    watcher.on("raw", (event, name, details) => this.#onRaw(event, name, details));
    watcher.on("addDir", (path, stats) => this.#onFolder(path, stats));
    watcher.on("unlinkDir", (path) => this.#onFolderGone(path));
    watcher.on("error", (error) => this.#onError(error));
    if (watcher.options.usePolling) return this.#giveUp(POLLING_ASKED);
    await new Promise<void>((resolve) => {
      this.#endOpening = resolve;
      watcher.once("ready", resolve);
    });
    if (this.#watcher !== watcher) return;
    this.#isFollowing = true;
    const { unwatched, wrong } = await this.#compare();
    if (this.#watcher !== watcher) return;
    this.#add(unwatched);
    for (const path of wrong) this.#doubt(path);
  }

  /** Watches the folders that chokidar did not notice: since the system did not tell of them, or since they were read after
   * a symbolic link that leads through a file, where chokidar ends reading. False: all must be closed and opened anew,
   * since a folder is gone or replaced without notice. Of many of them some are watched later. */
  async mend(): Promise<boolean> {
    const watcher = this.#watcher;
    if (watcher === undefined || this.#isLost || findFolder(this.#options.root) !== this.#top) return false;
    const { unwatched, wrong } = await this.#compare();
    if (this.#watcher !== watcher || wrong.length > 0) return false;
    this.#add(unwatched.filter((path) => this.#mayRead(path)));
    return true;
  }

  /** Watches some of the folders that were held back. Each is told with all below it once it is watched, as any that comes; what is
   * below it may be held back in turn. */
  watchHeld(): void {
    if (this.#watcher === undefined || !this.#isFollowing) return;
    this.#add(this.#held.take(NAMES_OF_PART, (path) => (this.#watched.has(path) ? undefined : this.#countNames(path))));
  }

  #add(unwatched: readonly string[]): void {
    for (const path of unwatched) {
      this.#held.letGo(path);
      this.#offered.add(asAsked(path));
      this.#named.add(path);
    }
    if (unwatched.length > 0) this.#watcher?.add([...unwatched]);
  }

  /** Whether chokidar is to read the new folder `path` now. */
  #mayRead(path: string): boolean {
    const leave = this.#held.admit(path);
    if (leave === "held-now") this.#options.events.onChanged(`${path}/`);
    return leave === "admitted";
  }

  /** What is watched with what is on disk: folders, from the root, that are not watched (nor held back), and those that are gone or
   * that took the place of the one that is watched. */
  async #compare(): Promise<{ readonly unwatched: readonly string[]; readonly wrong: readonly string[] }> {
    const unwatched: string[] = [];
    const wrong: string[] = [];
    const gone = new Set(this.#watched.keys());
    const inodes = readWatchedInodes();
    const { isFolderIgnored } = this.#options;
    const isHidden = (path: string): boolean =>
      this.#isHidden(path) || this.#held.has(path) || isFolderIgnored?.(path) === true;
    for await (const { path, stats } of walkFolders(this.#top, isHidden)) {
      const known = this.#watched.get(path);
      gone.delete(path);
      if (known === undefined) unwatched.push(path);
      else if (this.#unreadable.has(path)) continue;
      else if (!hasInodeOf(known, stats) || inodes?.has(stats.ino) === false) wrong.push(path);
    }
    for (const path of gone) if (this.#watched.has(path)) wrong.push(path);
    return { unwatched, wrong };
  }

  #doubt(path: string): void {
    if (path === "") return this.#lose("the root changed");
    this.#doubtful.add(path);
    this.#options.events.onChanged(`${path}/`);
  }

  /** To be called before what has changed is reported: whether each folder that came or was replaced is watched. Chokidar
   * takes one for another that has its path if it has the inode as well, unless it understands what the old one told of
   * itself (not if there is a name in the new one that is its own); and if it was still reading the old one. */
  checkDoubts(): void {
    this.#held.startAnew();
    if (this.#doubtful.size === 0) return;
    const inodes = readWatchedInodes();
    for (const [path, { inode }] of this.#watched) {
      if (this.#unreadable.has(path) || (!this.#doubtful.has(path) && inodes?.has(inode) === true)) continue;
      const stats = this.#stat(path);
      if (stats?.isDirectory() === true && inodes?.has(stats.ino) !== true) return this.#lose("a folder was replaced");
    }
    this.#doubtful.clear();
  }

  /** Releases all watches. The kernel answers each with an event that is never delivered, and that takes a place in its
   * queue. */
  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#isFollowing = false;
    if (watcher !== undefined) {
      countEvents(this.watched);
      this.#closing = watcher.close().then(nextTurn);
      this.#endOpening();
    }
    this.#offered.clear();
    this.#watched.clear();
    this.#unreadable.clear();
    this.#doubtful.clear();
    this.#held.clear();
    this.#named.clear();
    this.#awaited = 0;
    await this.#closing;
  }

  #onRaw(event: string, name: string | null, details: unknown): void {
    countEvents(1);
    const folder = fromRoot(this.#top, (details as { readonly watchedPath: string }).watchedPath);
    if (this.#watcher === undefined || this.#isLost || folder === undefined) return;
    const { events } = this.#options;
    if (name === null) return this.#lose("the system tells of changes without a name");
    const path = folder === "" ? name : `${folder}/${name}`;
    if (this.#isHidden(path)) return;
    events.onChanged(path);
    if (event !== "rename") return;
    this.#look(path);
    // The root tells of itself by its own name, but so it does of a file in it that has that name.
    if (folder === "" && name === basename(this.#top)) this.#lookAtRoot();
  }

  /** At what came, went or was replaced. */
  #look(path: string): void {
    const before = this.#watched.get(path);
    const stats = this.#stat(path);
    if (stats?.isDirectory() === true) this.#offered.add(asAsked(path));
    else if (before === undefined) this.#offered.delete(asAsked(path));
    if (before === undefined) return this.#lookAtHeld(path, stats);
    this.#doubt(path);
    if (stats === undefined) return;
    if (this.#unreadable.has(path)) return this.#lose("a folder may be read now");
    // Chokidar would follow the link.
    if (stats.isSymbolicLink()) this.#lose("a symbolic link took the place of a folder");
  }

  #lookAtHeld(path: string, stats: Stats | undefined): void {
    if (!this.#held.has(path)) return;
    this.#options.events.onChanged(`${path}/`);
    if (stats?.isDirectory() !== true) this.#held.forget(path);
  }

  #lookAtRoot(): void {
    const [before, stats] = [this.#watched.get(""), this.#stat("")];
    if (before === undefined || stats === undefined || !isSameFolder(before, stats)) this.#lose("the root changed");
  }

  #onFolder(path: string, stats: Stats | undefined): void {
    const found = stats ?? this.#stat(path);
    if (found === undefined || isOutside(path)) return;
    this.#watched.set(path, identityOf(found));
    this.#held.forget(path);
    if (this.#isFollowing) this.#doubt(path);
  }

  #onFolderGone(path: string): void {
    if (this.#isLost || isOutside(path)) return;
    this.#watched.delete(path);
    this.#unreadable.delete(path);
    this.#doubtful.delete(path);
    // Another one may have its place by now, which chokidar asks for next.
    if (this.#stat(path)?.isDirectory() !== true) this.#offered.delete(asAsked(path));
    if (!this.#isFollowing) return;
    if (path === "") return this.#lose("the root changed");
    this.#options.events.onChanged(`${path}/`);
    if (this.#named.delete(path) && ++this.#awaited > AWAITED_MAX) this.#lose("many new folders are gone again");
  }

  #onError(error: unknown): void {
    if (this.#watcher === undefined) return;
    const { path = this.#top } = error as NodeJS.ErrnoException;
    const below = fromRoot(this.#top, path) ?? "";
    const fault = classifyWatchFault(error, path);
    switch (fault.kind) {
      case "gone":
        return;
      case "unreadable":
        if (below === "")
          return this.#giveUp({ ...fault, kind: "exhausted", hint: `let this user read it; ${RETRY_HINT}` });
        if (this.#unreadable.has(below)) return;
        this.#unreadable.add(below);
        if (this.#isFollowing) this.#options.events.onUnreadable(fault.reason);
        return;
      case "exhausted":
        return this.#giveUp(fault);
    }
  }

  #giveUp(fault: Exhausted): void {
    void this.close();
    this.#options.events.onExhausted(fault);
  }

  /** Nothing more is followed until all is watched anew: least of all a symbolic link. */
  #lose(reason: string): void {
    this.#isFollowing = false;
    this.#isLost = true;
    this.#options.events.onLost(reason);
  }

  /** Undefined also if it cannot be looked at, since then it cannot be watched either. */
  #stat(path: string): Stats | undefined {
    try {
      return lstatSync(path === "" ? this.#top : `${this.#top}/${path}`, { throwIfNoEntry: false });
    } catch (error) {
      faultCode(error);
      return undefined;
    }
  }

  /** Undefined: it is no folder. */
  #countNames(path: string): number | undefined {
    if (this.#stat(path)?.isDirectory() !== true) return undefined;
    try {
      return readdirSync(`${this.#top}/${path}`).length;
    } catch (error) {
      // Chokidar is to find out why.
      faultCode(error);
      return 0;
    }
  }

  #isHidden(path: string): boolean {
    return isTempName(basename(path)) || this.#ignored.has(path);
  }

  /** What chokidar need not look at: all that is no folder. It asks with `stats` when it has read the folder that holds
   * `path`, and without them when something happened to `path`, which `#onRaw` has looked at by then. */
  #isIgnored(absolute: string, stats: Stats | undefined): boolean {
    const path = fromRoot(asAsked(this.#top), absolute);
    if (path === undefined || this.#isLost) return true;
    if (stats === undefined) return !this.#isOffered(path, absolute);
    if (path === "") return false;
    if (!stats.isDirectory() || this.#isHidden(path) || this.#options.isFolderIgnored?.(path) === true) return true;
    if (this.#isFollowing && !this.#watched.has(path) && !this.#mayRead(path)) return true;
    this.#offered.add(path);
    return false;
  }

  #isOffered(path: string, absolute: string): boolean {
    if (path === "") return true;
    // A folder that is gone tells of that by its own name.
    return this.#offered.has(path) || basename(absolute) === basename(dirname(absolute));
  }
}

/** Where the folder `path` is, which may be a symbolic link to one; those below it are not followed. */
function findFolder(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    faultCode(error);
    return undefined;
  }
}

/** `path` from `top`, "" for it; undefined: it is not in it. */
function fromRoot(top: string, path: string): string | undefined {
  if (path === top) return "";
  const head = top === "/" ? "/" : `${top}/`;
  return path.startsWith(head) ? path.slice(head.length) : undefined;
}

/** Chokidar waits for a root that is gone by way of the folders above it. */
function isOutside(path: string): boolean {
  return path === ".." || path.startsWith("../");
}

/** As chokidar asks whether a path is ignored: it takes a backslash for a slash. */
function asAsked(path: string): string {
  return path.replaceAll("\\", "/");
}
