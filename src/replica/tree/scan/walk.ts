// The walk of a tree: its entries in key order [I1], a page at a time, in memory for one folder at each depth.
//
// The order of keys is not that of names: folder `a` holds keys `a/...`, which come after keys `a-` and `a.b`, since "/"
// comes after "-" and ".". So folders wait, on a stack, until the next name is past them. What a name is (file or
// folder) is asked for when its turn comes.
//
// [I3] Whatever cannot be determined is told as unknown before the walk passes its place: nothing follows from its
// absence. A file that is gone between the listing of its folder and its own turn counts as unknown, too: programs
// replace files by removing them first.

import { lstatSync, type Stats } from "node:fs";
import { isAbsolute } from "node:path";
import type { Entry } from "../../../core/entry.ts";
import type { KeyFilter } from "../../../core/filter.ts";
import { compareUtf8, type Key, type KeyFault } from "../../../core/key.ts";
import type { NameScheme } from "../../../core/names/name-scheme.ts";
import { META_SUFFIX } from "../../../core/names/reserved-words.ts";
import { notice, type Problem, problem } from "../../../core/problem.ts";
import type { Unknown } from "../../replica.ts";
import { describeKind, signatureOf } from "../file-signature.ts";
import { describeFault } from "../fs-fault.ts";
import { lostProblem } from "../links/resolve-link.ts";
import type { WalkLinks } from "../links/walk-links.ts";
import { type CodedName, type Level, type LevelReader, readLevel, unreadableFolder } from "./level.ts";
import { type Attributes, NO_ATTRIBUTES, readSidecar } from "../sidecar.ts";

export interface Walk {
  /** Absolute. */
  readonly root: string;
  readonly scheme: NameScheme;
  readonly filter: KeyFilter | undefined;
  readonly keyFault: (text: string) => KeyFault | undefined;
  /** Absolute paths of folders that are not part of the tree. */
  readonly ignored: ReadonlySet<string>;
  readonly onProblem: (problem: Problem) => void;
  readonly onUnknown: (unknown: Unknown) => void;
  /** A key that a symbolic link leads to. */
  readonly onFixed: (key: Key) => void;
  /** A temporary file, absolute. */
  readonly onTemp: (path: string) => void;
  readonly links: WalkLinks;
  readonly failsOnSkippedLinks: boolean;
}

interface Frame {
  /** "" or ending in "/". */
  readonly keyPrefix: string;
  /** Where it is read: absolute, and free of links below the root. */
  readonly folder: string;
  /** Where it is in the tree, by way of links: "" or ending in "/". */
  readonly shown: string;
  readonly isLinked: boolean;
  readonly stats: FolderStats;
  readonly parent: Frame | undefined;
  readonly level: Level;
  codedAt: number;
  /** Folders whose names have been passed, but whose keys come later. The last one comes first. */
  readonly waiting: Waiting[];
  /** Of its names, those that were looked at, and which of them are symbolic links. */
  names: number;
  links: number;
}

interface Waiting {
  readonly segment: string;
  readonly path: string;
  readonly stats: FolderStats;
  /** Where a link leads that has its name; undefined: it is the folder itself. */
  readonly target: string | undefined;
}

type FolderStats = Pick<Stats, "dev" | "ino" | "size">;

/** All that has one segment of a level as its name, by where it lies from the level's folder. */
interface Group {
  readonly segment: string;
  segmentPath: string | undefined;
  valuePath: string | undefined;
  sidecarPath: string | undefined;
}

const PAGE_ENTRIES = 1000;

/** Pages may be empty: one ends after so many names, too. Throws what `readdir` throws for the root. */
export function* walkTree(walk: Walk): Generator<Entry[]> {
  try {
    yield* walkFrames(walk);
    walk.links.end();
  } finally {
    walk.links.release();
  }
}

function* walkFrames(walk: Walk): Generator<Entry[]> {
  const stats = lstatSync(`${walk.root}/.`);
  const frames = [
    openFrame(walk, { folder: walk.root, shown: "", keyPrefix: "", isLinked: false, stats, parent: undefined }),
  ];
  let page: Entry[] = [];
  let names = 0;
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const group = nextGroup(frame);
    const folder = frame.waiting.at(-1);
    if (folder !== undefined && (group === undefined || compareUtf8(`${folder.segment}/`, group.segment) < 0)) {
      frame.waiting.pop();
      const inner = enter(walk, frame, folder);
      if (inner !== undefined) frames.push(inner);
    } else if (group === undefined) {
      tellLinks(walk, frame);
      frames.pop();
    } else {
      takeGroup(frame, group);
      const entry = visit(walk, frame, group);
      if (entry !== undefined) page.push(entry);
    }
    if (++names < PAGE_ENTRIES) continue;
    walk.links.release();
    yield page;
    page = [];
    names = 0;
  }
  if (page.length > 0) yield page;
}

function openFrame(
  walk: Walk,
  place: Pick<Frame, "folder" | "shown" | "keyPrefix" | "isLinked" | "stats" | "parent">,
): Frame {
  const { folder, shown, keyPrefix, isLinked, stats } = place;
  const reader: LevelReader = {
    scheme: walk.scheme,
    folder,
    onProblem: (make, path) => {
      const told = make(shown + path);
      walk.onProblem(told);
      return told;
    },
    onUnknown: (start, told) => walk.onUnknown({ prefix: keyPrefix + start, ...noticed(told) }),
    // What a link leads to is left as it is.
    onTemp: (path) => isLinked || walk.onTemp(`${folder}/${path}`),
  };
  return { ...place, level: readLevel(reader, stats.size), codedAt: 0, waiting: [], names: 0, links: 0 };
}

function enter(walk: Walk, frame: Frame, { segment, path, target, stats }: Waiting): Frame | undefined {
  const shown = frame.shown + path;
  const keyPrefix = `${frame.keyPrefix}${segment}/`;
  if (walk.keyFault(keyPrefix) === "too-long") {
    walk.onProblem(problem("key-invalid", shown, "is a folder too deep for any key"));
    return undefined;
  }
  const refuse = (told: Problem): void => {
    walk.onProblem(told);
    walk.onUnknown({ prefix: keyPrefix, ...noticed(told) });
  };
  const isLinked = frame.isLinked || target !== undefined;
  if (isLinked && walk.links.enterFolder() > LINKED_FOLDERS_MAX) {
    refuse(problem("not-a-file", shown, TOO_MANY_LINKED));
    return undefined;
  }
  if (isLinked && isOpen(frame, stats)) {
    refuse(problem("not-a-file", shown, "is reached by a symbolic link that leads in a circle: it is left alone"));
    return undefined;
  }
  try {
    const folder = target ?? `${frame.folder}/${path}`;
    const inner = openFrame(walk, { folder, shown: `${shown}/`, keyPrefix, isLinked, stats, parent: frame });
    const isElsewhere = target !== undefined && !target.startsWith(`${walk.root}/`);
    if (!isElsewhere || !isEmpty(inner.level)) return inner;
    // As an empty root is none: a disk may not be mounted.
    refuse(problem("unreadable", shown, EMPTY_ELSEWHERE));
    return undefined;
  } catch (error) {
    refuse(unreadableFolder(shown, error));
    return undefined;
  }
}

/** Links to folders that hold links to folders make more paths than can be walked: 26 folders with two links each are 67 million. */
const LINKED_FOLDERS_MAX = 10_000;
const TOO_MANY_LINKED = `is left alone: symbolic links lead to more than ${LINKED_FOLDERS_MAX} folders, counted by each way to them. Remove links, or leave them out with exclude`;
const EMPTY_ELSEWHERE =
  "is a symbolic link to a folder that holds nothing: if its disk is not mounted, mount it; else remove the link. Nothing is removed for it";

function isEmpty({ plain, sidecars, coded }: Level): boolean {
  return plain.current === undefined && sidecars.current === undefined && coded.length === 0;
}

/** Whether the walk is in that folder already. */
function isOpen(frame: Frame, { dev, ino }: FolderStats): boolean {
  for (let at: Frame | undefined = frame; at !== undefined; at = at.parent)
    if (at.stats.ino === ino && at.stats.dev === dev) return true;
  return false;
}

/** A folder that holds hardly anything but links is hardly meant to be skipped. */
function tellLinks(walk: Walk, { shown, parent, names, links }: Frame): void {
  if (!walk.failsOnSkippedLinks || links * 2 <= names || (links < 2 && parent !== undefined)) return;
  const message = `holds ${links} symbolic links in ${names} names, which are not synced: set symlinks: inside to sync what they lead to`;
  walk.onProblem(problem("not-a-file", shown === "" ? "./" : shown, message));
}

/** What comes next in a level, by names alone. */
function nextGroup({ level, codedAt }: Frame): Group | undefined {
  const plain = level.plain.current;
  const sidecar = level.sidecars.current;
  const coded = level.coded[codedAt]?.segment;
  const segment = coded === undefined && sidecar === undefined ? plain : first(first(plain, sidecar), coded);
  if (segment === undefined) return undefined;
  const group: Group = {
    segment,
    segmentPath: plain === segment ? plain : undefined,
    valuePath: undefined,
    sidecarPath: sidecar === segment ? segment + META_SUFFIX : undefined,
  };
  for (let i = codedAt; level.coded[i]?.segment === segment; i++) addTo(group, level.coded[i]!);
  return group;
}

function first(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return compareUtf8(a, b) <= 0 ? a : b;
}

function addTo(group: Group, { kind, path }: CodedName): void {
  if (kind === "segment") group.segmentPath = path;
  else if (kind === "value") group.valuePath = path;
  else group.sidecarPath = path;
}

function takeGroup(frame: Frame, { segment }: Group): void {
  const { plain, sidecars, coded } = frame.level;
  if (plain.current === segment) plain.advance();
  if (sidecars.current === segment) sidecars.advance();
  while (coded[frame.codedAt]?.segment === segment) frame.codedAt++;
}

/** The entry of the key that a group of names is about, if there is one; its folder, if there is one, is put to wait. */
function visit(walk: Walk, frame: Frame, group: Group): Entry | undefined {
  const key = frame.keyPrefix + group.segment;
  const isManaged = walk.filter?.(key) !== false;
  const mayContain = walk.filter?.mayContain(`${key}/`) !== false;
  if (!isManaged && !mayContain) return undefined;

  const found = new Found(walk, frame, key);
  const atSegment = found.stat(group.segmentPath);
  if (atSegment?.isDirectory() === true) {
    const path = group.segmentPath!;
    if (mayContain && !walk.ignored.has(found.target ?? `${frame.folder}/${path}`))
      frame.waiting.push({ segment: group.segment, path, stats: atSegment, target: found.target });
  } else if (atSegment?.isFile() === false) found.isNoFile(group.segmentPath!, atSegment);
  if (!isManaged) return undefined;

  const atValue = found.stat(group.valuePath);
  if (atValue?.isFile() === false) found.isNoFile(group.valuePath!, atValue);
  const attributes = group.sidecarPath === undefined ? NO_ATTRIBUTES : found.attributes(group.sidecarPath);
  const inPlace = atSegment?.isFile() === true ? atSegment : undefined;
  const suffixed = atValue?.isFile() === true ? atValue : undefined;
  if (inPlace !== undefined && suffixed !== undefined) found.isTwice(group);
  const value = inPlace ?? suffixed;
  if (found.isUnknown || value === undefined) {
    if (!found.isUnknown && group.sidecarPath !== undefined) found.isOrphan(group.sidecarPath);
    return undefined;
  }
  const fault = walk.keyFault(key);
  if (fault !== undefined) {
    const path = inPlace === undefined ? group.valuePath : group.segmentPath;
    walk.onProblem(problem("key-invalid", `${frame.shown}${path}`, KEY_FAULTS[fault]));
    return undefined;
  }
  if (frame.isLinked || found.target !== undefined) walk.onFixed(key as Key);
  return {
    // The walk's own check takes the place of parseKey: a mapping's prefix may make legal what is none by itself.
    key: key as Key,
    fingerprint: undefined,
    metadata: attributes.metadata,
    expiration: attributes.expiration,
    ttlSeconds: undefined,
    size: value.size,
    signature: signatureOf(value),
    binary: undefined,
  };
}

export const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  empty: "would be the empty key, which Workers KV refuses",
  dot: 'would be the key "." or "..", which Workers KV refuses',
  "too-long": "makes a key of more than 512 bytes",
  "lone-surrogate": "makes a key that is not Unicode",
};

/** What is found out about the files of one key, and told about those that are not what they should be. */
class Found {
  isUnknown = false;
  /** Where the link led to that was looked at last. */
  target: string | undefined;
  readonly #walk: Walk;
  readonly #frame: Frame;
  readonly #key: string;

  constructor(walk: Walk, frame: Frame, key: string) {
    this.#walk = walk;
    this.#frame = frame;
    this.#key = key;
  }

  /** Undefined for no path, and for what cannot be told, which makes the key and what is under it unknown. */
  stat(path: string | undefined): Stats | undefined {
    if (path === undefined) return undefined;
    try {
      const stats = lstatSync(`${this.#frame.folder}/${path}`, { throwIfNoEntry: false });
      if (stats !== undefined) {
        this.#frame.names++;
        return stats.isSymbolicLink() ? this.#follow(path, stats) : stats;
      }
      this.#tellBelow(
        notice("changed-while-reading", this.#at(path), "vanished while it was listed; the next round sees to it"),
      );
    } catch (error) {
      this.#tellBelow(problem("unreadable", this.#at(path), `cannot be looked at: ${describeFault(error)}`));
    }
    return undefined;
  }

  #follow(path: string, link: Stats): Stats | undefined {
    const { root, links } = this.#walk;
    this.#frame.links++;
    if (!links.areFollowed) return link;
    const resolved = links.resolve(this.#at(path));
    if (resolved.kind === "found") {
      this.target = isAbsolute(resolved.target) ? resolved.target : `${root}/${resolved.target}`;
      return resolved.stats;
    }
    this.#tellBelow(lostProblem(resolved, this.#at(path)));
    return undefined;
  }

  /** A symbolic link, FIFO, socket or device, or a folder where only a file can be. */
  isNoFile(path: string, stats: Stats): void {
    this.#tellBelow(notice("not-a-file", this.#at(path), `is ${describeKind(stats)}: it is not synced`));
  }

  isTwice(group: Group): void {
    const message = `and ${group.valuePath} both hold its value: remove one of the two`;
    this.#tell(problem("name-collision", this.#at(group.segmentPath!), message));
  }

  attributes(path: string): Attributes {
    const { links } = this.#walk;
    const found = links.areFollowed ? links.sidecar(this.#key, this.#at(path)) : undefined;
    if (found !== undefined && "problem" in found) {
      this.#tell(found.problem);
      return NO_ATTRIBUTES;
    }
    const sidecar = readSidecar(found?.at ?? `${this.#frame.folder}/${path}`);
    if (sidecar.kind === "attributes") return sidecar.attributes;
    this.#tell(problem("metadata-invalid", this.#key, `${sidecar.message}; the key is left alone`));
    return NO_ATTRIBUTES;
  }

  isOrphan(path: string): void {
    const message = "is the sidecar of a key that has no value: it is not synced";
    this.#walk.onProblem(notice("name-reserved", this.#at(path), message));
  }

  #tell(told: Problem): void {
    this.#walk.onProblem(told);
    this.isUnknown = true;
    this.#walk.onUnknown({ key: this.#key as Key, ...noticed(told) });
  }

  /** Of what may be a folder of keys as well. */
  #tellBelow(told: Problem): void {
    this.#tell(told);
    this.#walk.onUnknown({ prefix: `${this.#key}/`, ...noticed(told) });
  }

  #at(path: string): string {
    return this.#frame.shown + path;
  }
}

function noticed(told: Problem): { readonly notice?: Problem } {
  return told.failure ? {} : { notice: told };
}
