// What a path leads to where a mapping follows symbolic links.
//
// Each name is looked at in the folder before it, which is open, and which was reached without following a link; at a link its
// own path takes the link's place. So a link that somebody swaps in meanwhile leads nowhere but where this resolver would
// follow it: with "inside" never out of the root. Only with "follow", and only out of the root, the system follows it.

import { lstatSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { SymlinkPolicy } from "../../../core/symlink-policy.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { describeOutcome, type FolderHandles } from "../folder-handles.ts";
import { describeFault, faultCode } from "../fs-fault.ts";

export interface LinkRules {
  readonly policy: SymlinkPolicy;
  /** Absolute; "" is "/". */
  readonly root: string;
  /** Whether a path, absolute and free of links, is kvsync's own or in what is. */
  readonly isOwn: (path: string) => boolean;
}

export type Resolved = {
  /** The links on the way, from the root. */
  readonly through: readonly string[];
  /** Where it leads to or, if that does not exist, would: from the root, or absolute if that is not in the root. */
  readonly target: string;
} & (
  | {
      readonly kind: "found";
      /** What to open it by. It is free of links, and good for as long as the folders stay open. */
      readonly at: string;
      readonly stats: Stats;
    }
  | {
      readonly kind: "lost";
      readonly code: Problem["code"];
      readonly reason: string;
      /** Another look may find more. */
      readonly mayPass: boolean;
      /** No link leads nowhere: in the folder that the path before leads to there is no such name. */
      readonly isAbsent: boolean;
    }
);

/** As many as Linux follows. */
const LINKS_MAX = 40;
/** What a link leads to may be removed between two looks, after the link was swapped. */
const ATTEMPTS_MAX = 3;

/** `path`: from the root, with a link on the way or at its end. A folder that is met a second time on the way, name by name, is a
 * circle; unless `mayRepeat`, for a caller who looks out for that. */
export function resolveLink(
  rules: LinkRules,
  folders: FolderHandles,
  path: string,
  { mayRepeat = false }: { readonly mayRepeat?: boolean } = {},
): Resolved {
  for (let attempt = 1; ; attempt++) {
    const found = new Way(rules, folders).follow(path, mayRepeat);
    if (found.kind === "found" || !found.mayPass || attempt === ATTEMPTS_MAX) return found;
  }
}

/** For what is about `subject`, a key or a path. */
export function lostProblem({ code, reason }: Extract<Resolved, { kind: "lost" }>, subject: string): Problem {
  return problem(code, subject, reason);
}

interface LostHow {
  readonly code?: Problem["code"];
  readonly mayPass?: boolean;
  readonly isAbsent?: boolean;
}

class Lost extends Error {
  readonly code: Problem["code"];
  readonly mayPass: boolean;
  readonly isAbsent: boolean;

  constructor(reason: string, { code = "not-a-file", mayPass = false, isAbsent = false }: LostHow = {}) {
    super(reason);
    this.code = code;
    this.mayPass = mayPass;
    this.isAbsent = isAbsent;
  }
}

class Way {
  readonly #rules: LinkRules;
  readonly #folders: FolderHandles;
  readonly #through: string[] = [];
  #links = 0;
  /** Where it is: names from the root, or a path outside of it. */
  #names: string[] = [];
  #outside: string | undefined;
  #at = "";
  #stats: Stats | undefined;

  constructor(rules: LinkRules, folders: FolderHandles) {
    this.#rules = rules;
    this.#folders = folders;
    this.#at = folders.root.base;
  }

  follow(path: string, mayRepeat: boolean): Resolved {
    const { device, inode } = this.#folders.root.identity;
    const met = new Set([`${device}:${inode}`]);
    const names = path.split("/");
    try {
      for (const [i, name] of names.entries()) {
        this.#enter(name);
        const stats = this.#stats!;
        if (i < names.length - 1 && !stats.isDirectory()) throw new Lost(DANGLING, ABSENT);
        if (mayRepeat || !stats.isDirectory()) continue;
        const mark = `${stats.dev}:${stats.ino}`;
        if (met.has(mark) && this.#links > 0) throw new Lost(CIRCLE);
        met.add(mark);
      }
      this.#refuseOwn();
      return {
        kind: "found",
        at: this.#at,
        stats: this.#stats!,
        through: this.#through,
        target: this.#target(),
      };
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      const { code, message, mayPass, isAbsent } = error;
      return { kind: "lost", code, reason: message, mayPass, isAbsent, through: this.#through, target: this.#target() };
    }
  }

  #target(): string {
    return this.#outside ?? this.#names.join("/");
  }

  /** Goes to `name`, and on to where that leads. */
  #enter(name: string): void {
    if (this.#outside !== undefined) {
      const path = join(this.#outside, name);
      if (!exists(path)) throw new Lost(DANGLING, ABSENT);
      return this.#leave(path);
    }
    const linksBefore = this.#links;
    const todo = [name];
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      if (next === "" || next === ".") continue;
      if (next === "..") {
        if (this.#names.length === 0) return this.#leave(join(this.#realRoot(), "..", ...todo));
        this.#names.pop();
        this.#look();
        continue;
      }
      const target = this.#step(next, this.#links === linksBefore);
      if (target === undefined) {
        if (todo.length > 0 && !this.#stats!.isDirectory()) throw new Lost(DANGLING, NOTHING);
      } else if (!isAbsolute(target)) todo.unshift(...target.split("/"));
      else {
        const below = this.#fromRoot(target);
        if (below === undefined) return this.#leave(join(target, ...todo));
        this.#names = [];
        this.#look();
        todo.unshift(...below.split("/"));
      }
    }
  }

  /** Goes to `name`, unless that is a link: then says what its path is. `isOwn`: no link has said that there is such a name. */
  #step(name: string, isOwn: boolean): string | undefined {
    const opened = this.#folders.open(this.#names.join("/"));
    if (opened.kind === "absent") throw new Lost(DANGLING, NOTHING);
    if (opened.kind === "fault")
      throw new Lost(`is reached by a symbolic link: ${describeOutcome(opened)}`, UNREADABLE);
    if (opened.kind === "in-the-way")
      throw new Lost("is reached by a symbolic link that changed while it was followed", NOTHING);
    const at = `${opened.folder.base}/${name}`;
    try {
      const stats = lstatSync(at, { throwIfNoEntry: false });
      if (stats?.isSymbolicLink() === true) {
        const target = readlinkSync(at);
        if (++this.#links > LINKS_MAX) throw new Lost(CIRCLE);
        this.#through.push([...this.#names, name].join("/"));
        return target;
      }
      this.#names.push(name);
      if (stats === undefined) throw new Lost(DANGLING, isOwn ? ABSENT : NOTHING);
      this.#at = at;
      this.#stats = stats;
      return undefined;
    } catch (error) {
      throw lostBy(error);
    }
  }

  /** At the folder that `#names` leads to. */
  #look(): void {
    const opened = this.#folders.open(this.#names.join("/"));
    if (opened.kind !== "folder") throw new Lost(DANGLING, NOTHING);
    this.#at = opened.folder.base;
    try {
      this.#stats = lstatSync(`${opened.folder.base}/.`);
    } catch (error) {
      throw lostBy(error);
    }
  }

  /** To what the system finds at `path`, which may be in the root after all. */
  #leave(path: string): void {
    const { policy } = this.#rules;
    if (policy !== "follow") {
      this.#outside = resolve(path);
      throw new Lost(LEAVES);
    }
    try {
      const real = realpathSync(path);
      const below = this.#fromRoot(real);
      this.#outside = below === undefined ? real : undefined;
      this.#names = below === undefined ? [] : below.split("/").filter((name) => name !== "");
      this.#stats = lstatSync(real);
      this.#at = real;
    } catch (error) {
      this.#outside ??= path;
      throw lostBy(error);
    }
  }

  #refuseOwn(): void {
    const path = this.#outside ?? `${this.#rules.root}/${this.#names.join("/")}`;
    if (this.#rules.isOwn(path)) throw new Lost("is reached by a symbolic link into a folder of kvsync's own");
  }

  /** `path`, which is absolute, from the root; undefined: it is not in it. */
  #fromRoot(path: string): string | undefined {
    for (const root of [this.#rules.root, this.#realRoot()]) {
      const head = root.endsWith("/") ? root : `${root}/`;
      if (path.startsWith(head)) return path.slice(head.length);
      if (`${path}/` === head) return "";
    }
    return undefined;
  }

  #realRoot(): string {
    return realpathSync(`${this.#rules.root}/.`);
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw lostBy(error);
  }
}

function lostBy(error: unknown): Lost {
  if (error instanceof Lost) return error;
  switch (faultCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new Lost(DANGLING, NOTHING);
    case "EINVAL":
      return new Lost("is reached by a symbolic link that changed while it was followed", NOTHING);
    case "ELOOP":
      return new Lost(CIRCLE);
    default:
      return new Lost(`is reached by a symbolic link, and cannot be looked at: ${describeFault(error)}`, UNREADABLE);
  }
}

const NOTHING = { mayPass: true } as const;
const ABSENT = { mayPass: true, isAbsent: true } as const;
const UNREADABLE = { code: "unreadable" } as const;
const DANGLING = "is reached by a symbolic link that leads to nothing: it is left alone";
const CIRCLE = "is reached by a symbolic link that leads in a circle: it is left alone";
const LEAVES =
  "is reached by a symbolic link that leads out of the folder: it is left alone (symlinks: follow reads it)";
