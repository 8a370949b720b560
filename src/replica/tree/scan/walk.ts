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
import type { ByteCount } from "../../../core/clock.ts";
import type { Entry } from "../../../core/entry.ts";
import type { KeyFilter } from "../../../core/filter.ts";
import { compareUtf8, type Key, type KeyFault } from "../../../core/key.ts";
import type { NameScheme } from "../../../core/names/name-scheme.ts";
import { META_SUFFIX } from "../../../core/names/reserved-words.ts";
import { notice, type Problem, problem } from "../../../core/problem.ts";
import type { Unknown } from "../../replica.ts";
import { describeKind, signatureOf } from "../file-signature.ts";
import { describeFault } from "../fs-fault.ts";
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
  /** A temporary file, absolute. */
  readonly onTemp: (path: string) => void;
}

interface Frame {
  /** "" or ending in "/". */
  readonly keyPrefix: string;
  readonly folder: string;
  readonly level: Level;
  codedAt: number;
  /** Folders whose names have been passed, but whose keys come later. The last one comes first. */
  readonly waiting: { readonly segment: string; readonly path: string; readonly folderBytes: ByteCount }[];
}

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
  const frames = [openFrame(walk, walk.root, "", lstatSync(`${walk.root}/.`).size)];
  let page: Entry[] = [];
  let names = 0;
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const group = nextGroup(frame);
    const folder = frame.waiting.at(-1);
    if (folder !== undefined && (group === undefined || compareUtf8(`${folder.segment}/`, group.segment) < 0)) {
      frame.waiting.pop();
      const inner = enter(walk, frame, folder);
      if (inner !== undefined) frames.push(inner);
    } else if (group === undefined) frames.pop();
    else {
      takeGroup(frame, group);
      const entry = visit(walk, frame, group);
      if (entry !== undefined) page.push(entry);
    }
    if (++names < PAGE_ENTRIES) continue;
    yield page;
    page = [];
    names = 0;
  }
  if (page.length > 0) yield page;
}

function openFrame(walk: Walk, folder: string, keyPrefix: string, folderBytes: ByteCount): Frame {
  const reader: LevelReader = {
    scheme: walk.scheme,
    folder,
    onProblem: (make, path) => {
      const told = make(relativeTo(walk, `${folder}/${path}`));
      walk.onProblem(told);
      return told;
    },
    onUnknown: (start, told) => walk.onUnknown({ prefix: keyPrefix + start, ...noticed(told) }),
    onTemp: (path) => walk.onTemp(`${folder}/${path}`),
  };
  return { keyPrefix, folder, level: readLevel(reader, folderBytes), codedAt: 0, waiting: [] };
}

function enter(walk: Walk, frame: Frame, { segment, path, folderBytes }: Frame["waiting"][number]): Frame | undefined {
  const folder = `${frame.folder}/${path}`;
  const keyPrefix = `${frame.keyPrefix}${segment}/`;
  if (walk.keyFault(keyPrefix) === "too-long") {
    walk.onProblem(problem("key-invalid", relativeTo(walk, folder), "is a folder too deep for any key"));
    return undefined;
  }
  try {
    return openFrame(walk, folder, keyPrefix, folderBytes);
  } catch (error) {
    const told = unreadableFolder(relativeTo(walk, folder), error);
    walk.onProblem(told);
    walk.onUnknown({ prefix: keyPrefix, ...noticed(told) });
    return undefined;
  }
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
    if (mayContain && !walk.ignored.has(`${frame.folder}/${path}`))
      frame.waiting.push({ segment: group.segment, path, folderBytes: atSegment.size });
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
    walk.onProblem(problem("key-invalid", relativeTo(walk, `${frame.folder}/${path}`), KEY_FAULTS[fault]));
    return undefined;
  }
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
      if (stats !== undefined) return stats;
      this.#tellBelow(
        notice("changed-while-reading", this.#at(path), "vanished while it was listed; the next round sees to it"),
      );
    } catch (error) {
      this.#tellBelow(problem("unreadable", this.#at(path), `cannot be looked at: ${describeFault(error)}`));
    }
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
    const sidecar = readSidecar(`${this.#frame.folder}/${path}`);
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
    return relativeTo(this.#walk, `${this.#frame.folder}/${path}`);
  }
}

function noticed(told: Problem): { readonly notice?: Problem } {
  return told.failure ? {} : { notice: told };
}

function relativeTo(walk: Walk, path: string): string {
  return path.slice(walk.root.length + 1);
}
