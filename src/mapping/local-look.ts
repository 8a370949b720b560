// A look at the files of a mapping, for a folder that is polled: which of them are not as the base says. It is local, and sends
// no request: the tree is listed, and merged with the base in key order, a page at a time. What differs is looked at by the
// next round, as if a watcher had told of it.
//
// Files may differ for good: one that the API refuses, one whose name can be no key, all that a hold keeps from being synced. So
// what was told is remembered, and told again only when it has become something else. Up to 10,000 of these are remembered one
// by one; of more only their sum is, which tells that something about them has changed.
//
// Nothing follows from the absence of a file whose place cannot be told [I3]. What a look cannot see, the next rescan does: a
// file that was replaced by one of its size and both its times. (Its inode says nothing: network file systems give a file
// another one each time, and keep the time of its last change where they can.)

import { createHash } from "node:crypto";
import type { DurationMs, EpochMs } from "../core/clock.ts";
import { type BaseRow, type Entry, isRacy, sameAttributes } from "../core/entry.ts";
import type { NameScheme } from "../core/names/name-scheme.ts";
import { encodeKey } from "../core/names/path-codec.ts";
import type { Problem } from "../core/problem.ts";
import { mergeJoin } from "../engine/merge.ts";
import { onePage } from "../engine/observer.ts";
import type { BaseStore } from "../engine/ports.ts";
import { Unknowns } from "../engine/unknowns.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import type { StandingProblems } from "./standing-problems.ts";

export type Looked =
  | { readonly kind: "same" }
  /** From the folder; at most 10,000. */
  | { readonly kind: "paths"; readonly paths: readonly string[] }
  /** `reason`: in lower case, for people. */
  | { readonly kind: "rescan"; readonly reason: string };

interface LookInput {
  readonly tree: ReadableReplica;
  readonly base: BaseStore;
  readonly names: NameScheme;
  /** What stands since the last round: what is no longer so is to be looked at once more. */
  readonly standing: StandingProblems;
  readonly now: EpochMs;
  /** A file that was written just before it was last looked at is as it was, too, if its times are: what a pull has written itself. */
  readonly trustsTimes?: boolean;
  readonly signal: AbortSignal;
}

/** Remembers from look to look. Throws AppError `root-missing`. */
export type LocalLook = (input: LookInput) => Promise<Looked>;

/** More of them are reported as a rescan, which is cheaper then. */
const PATHS_MAX = 10_000;

export function openLocalLook(pathsMax: number = PATHS_MAX): LocalLook {
  let before: Differences = { digests: new Map(), count: 0, sum: 0n, unreadable: false };
  let healed: ReadonlySet<string> = new Set();
  return async (input) => {
    const found = await findDifferences(input, { before, pathsMax });
    const gone = healedPaths(input, found);
    const last = { before, healed };
    before = found;
    healed = new Set(gone);
    const paths = gone.filter((path) => !last.healed.has(path));
    if (found.sum === last.before.sum && found.count === last.before.count) return pathsOf(paths);
    if (found.digests === undefined) return { kind: "rescan", reason: `more than ${pathsMax} files differ` };
    const isNew = ([path, digest]: readonly [string, string]): boolean => last.before.digests?.get(path) !== digest;
    const changed = [...found.digests].filter(isNew).map(([path]) => path);
    if (found.unreadable && changed.some((path) => found.digests?.get(path) === UNREADABLE))
      return { kind: "rescan", reason: "a folder cannot be read" };
    return pathsOf([...paths, ...changed]);
  };
}

function pathsOf(paths: readonly string[]): Looked {
  return paths.length === 0 ? { kind: "same" } : { kind: "paths", paths };
}

interface Differences {
  /** What each path that differs is now; undefined: there are too many. */
  digests: Map<string, string> | undefined;
  count: number;
  /** Of all digests with their paths, in whatever order these came. */
  sum: bigint;
  /** Something could not be read. */
  unreadable: boolean;
}

const UNREADABLE = "unreadable";
const GONE = "gone";
const GONE_AGAIN = "gone-for-long";
/** Network file systems show in a folder that a file is gone, and the file itself for up to a minute more: after that, what is
 * gone is told once more. */
const GONE_AGAIN_MS: DurationMs = 60_000;

async function findDifferences(
  { tree, base, names, now, trustsTimes, signal }: LookInput,
  { before, pathsMax }: { readonly before: Differences; readonly pathsMax: number },
): Promise<Differences> {
  const found: Differences = { digests: new Map(), count: 0, sum: 0n, unreadable: false };
  const unknowns = new Unknowns();
  const add = (path: string, digest: string): void => {
    found.count++;
    found.sum += BigInt(`0x${hashOf(`${path}\0${withoutMoment(digest)}`)}`);
    found.digests?.set(path, digest);
    if (found.count > pathsMax) found.digests = undefined;
  };
  const onProblem = ({ code, subject, failure }: Problem): void => {
    // A link or a device makes no difference, as long as it is one.
    if (!failure) return;
    if (code === "unreadable") found.unreadable = true;
    add(code === "metadata-invalid" ? encodeKey(subject, names) : subject, code);
  };
  const source = tree.list({ signal, onProblem, onUnknown: (unknown) => unknowns.add(unknown) });
  for await (const page of mergeJoin({ source, destination: onePage([]), base: base.scan() })) {
    for (const { key, source: entry, base: row } of page) {
      if (!isDifferent(entry, row, trustsTimes) || unknowns.find(key) !== undefined) continue;
      const path = encodeKey(key, names);
      add(path, entry === undefined ? goneSince(before.digests?.get(path), now) : digestOf(entry, now));
    }
  }
  return found;
}

/** Whether what a listing tells of a file may be something else than what the base says of it. */
export function isDifferent(entry: Entry | undefined, row: BaseRow | undefined, trustsTimes = false): boolean {
  if (entry === undefined || row === undefined) return entry !== undefined || row !== undefined;
  const { signature } = entry;
  if (signature === undefined || row.signature === undefined || !sameAttributes(entry, row)) return true;
  const isSame =
    signature.size === row.signature.size &&
    signature.mtimeMs === row.signature.mtimeMs &&
    signature.ctimeMs === row.signature.ctimeMs;
  return !isSame || (!trustsTimes && isRacy(signature, row.hashedAt));
}

function digestOf({ signature, metadata, expiration, ttlSeconds }: Entry, now: EpochMs): string {
  const { size = 0, mtimeMs = 0, ctimeMs = 0 } = signature ?? {};
  // It may change once more and show the same times: then it is told again. (Programs may set the time of the last change of a
  // file to what they like, but not the other one.)
  const isFresh = isRacy({ size, mtimeMs: ctimeMs, ctimeMs, inode: 0 }, now);
  return hashOf(JSON.stringify([size, mtimeMs, ctimeMs, metadata, expiration, ttlSeconds, isFresh ? now : 0]));
}

/** What is remembered of a file that is gone: whether it was told again, and since when it is gone. */
function goneSince(digest: string | undefined, now: EpochMs): string {
  if (digest === GONE_AGAIN) return digest;
  if (digest?.startsWith(`${GONE} `) !== true) return `${GONE} ${now}`;
  const since = digest.slice(GONE.length + 1);
  return now - Number(since) >= GONE_AGAIN_MS ? GONE_AGAIN : digest;
}

/** The moment is no difference: it is not known where too many differ to be remembered. */
function withoutMoment(digest: string): string {
  return digest.startsWith(`${GONE} `) ? GONE : digest;
}

/** Few enough bytes to be remembered 10,000 times, and enough that no two are the same by chance. */
function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** What stands as a problem, and about which a look finds nothing. */
function healedPaths({ standing, names }: LookInput, { digests }: Differences): readonly string[] {
  if (digests === undefined) return [];
  const paths = new Set(standing.known.flatMap(({ subject }) => [subject, encodeKey(subject, names)]));
  return [...paths].filter((path) => !digests.has(path));
}
