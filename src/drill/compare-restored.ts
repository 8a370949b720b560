// What came back of a snapshot, held against its pages: both are walked in key order, and each value that is in both is read from
// the place that it was restored to. Every key is told at most once.

import { type Clock, type EpochSeconds, toEpochSeconds } from "../core/clock.ts";
import { openRootHash } from "../core/content-root.ts";
import type { Entry } from "../core/entry.ts";
import { sha256Of } from "../core/fingerprint.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../core/limits.ts";
import { notice, type Problem, problem } from "../core/problem.ts";
import type { PageEntry, Snapshot } from "../backup/repository/repository.ts";
import { isDamage, type SnapshotPages } from "../backup/snapshot/snapshot-pages.ts";
import type { Pages, ReadableReplica, ReadOutcome, Value } from "../replica/replica.ts";

export interface Restored {
  readonly clock: Clock;
  readonly snapshot: Snapshot;
  readonly pages: SnapshotPages;
  /** What it was restored to. */
  readonly replica: ReadableReplica;
  /** What expires before it was not restored. */
  readonly until: EpochSeconds;
  /** Why the restore has not written a key, as far as it said. */
  readonly whyLost: (key: Key) => string | undefined;
}

export interface CompareOptions {
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Problem) => void;
  readonly onCompared: (keys: number, bytes: number) => void;
}

export interface Comparison {
  /** Keys that came back as the snapshot has them, and the bytes of their values. */
  readonly equal: number;
  readonly bytes: number;
  /** Keys that have expired, or are about to: no namespace takes them. */
  readonly skipped: number;
  /** Keys that did not come back. */
  readonly lost: number;
  /** Keys that came back otherwise, or that the snapshot does not have. */
  readonly different: number;
  /** Of all entries of the snapshot; undefined: some of its pages cannot be read. */
  readonly root: string | undefined;
}

type Tally = { -readonly [name in "equal" | "bytes" | "skipped" | "lost" | "different"]: number };

interface Comparing extends Restored, CompareOptions {
  readonly tally: Tally;
  /** What the pages have of keys that are being read. */
  readonly asked: Map<Key, PageEntry>;
}

/** Throws what the store of the repository fails with, and the reason of an aborted signal. */
export async function compareRestored(restored: Restored, options: CompareOptions): Promise<Comparison> {
  const { replica } = restored;
  const { signal, onCompared } = options;
  const tally: Tally = { equal: 0, bytes: 0, skipped: 0, lost: 0, different: 0 };
  const comparing: Comparing = { ...restored, ...options, tally, asked: new Map() };
  const root = openExpectedRoot();
  const entries = matched(comparing, expectedEntries(comparing, root));
  for await (const outcomes of replica.read(entries, { signal, reusesBytes: true })) {
    for (const outcome of outcomes) judge(comparing, outcome);
    onCompared(tally.equal + tally.skipped + tally.lost + tally.different, tally.bytes);
  }
  // One outcome a key is what every replica promises; a key without one is not proven.
  for (const expected of comparing.asked.values()) lose(comparing, expected);
  return { ...tally, root: root.digest() };
}

interface ExpectedRoot {
  add(entry: PageEntry): void;
  spoil(): void;
  digest(): string | undefined;
}

function openExpectedRoot(): ExpectedRoot {
  const root = openRootHash();
  let isWhole = true;
  return {
    add: (entry) => root.add(entry),
    spoil: () => void (isWhole = false),
    digest: () => (isWhole ? root.digest() : undefined),
  };
}

/** What was to be restored, in key order. */
async function* expectedEntries(
  { snapshot, pages, signal, until, tally, onFinding }: Comparing,
  root: ExpectedRoot,
): AsyncGenerator<PageEntry, void> {
  for (let page = 0; page < pages.count; page++) {
    signal.throwIfAborted();
    const entries = await pages.load(page).catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      const { entries: count } = snapshot.pages[page]!;
      tally.lost += count;
      root.spoil();
      onFinding(lostPage(page, count, error.message));
      return [];
    });
    for (const entry of entries) {
      root.add(entry);
      if (entry.expiration === undefined || entry.expiration >= until) yield entry;
      else skip(tally, onFinding, entry.key);
    }
  }
}

/** The entries that are listed and expected, to be read. */
async function* matched(comparing: Comparing, expecting: AsyncGenerator<PageEntry, void>): Pages<Entry> {
  const { replica, signal, asked, tally, onFinding } = comparing;
  const listing = flatten(replica.list({ signal, onProblem: onFinding }));
  let page: Entry[] = [];
  let expected = (await expecting.next()).value ?? undefined;
  let listed = (await listing.next()).value ?? undefined;
  while (expected !== undefined || listed !== undefined) {
    const order = orderOf(expected?.key, listed?.key);
    if (order === 0) {
      asked.set(expected!.key, expected!);
      page.push(listed!);
    } else if (order < 0) lose(comparing, expected!);
    else {
      tally.different++;
      onFinding(problem("differs", listed!.key, "came back, and the snapshot does not have it"));
    }
    if (order <= 0) expected = (await expecting.next()).value ?? undefined;
    if (order >= 0) listed = (await listing.next()).value ?? undefined;
    if (page.length < PAGE_ENTRIES) continue;
    yield page;
    page = [];
  }
  yield page;
}

const PAGE_ENTRIES = 1000;

async function* flatten<T>(pages: Pages<T>): AsyncGenerator<T, void> {
  for await (const page of pages) yield* page;
}

/** A side that has come to its end is behind all keys. */
function orderOf(one: Key | undefined, other: Key | undefined): number {
  if (one === undefined) return 1;
  return other === undefined ? -1 : compareUtf8(one, other);
}

function judge(comparing: Comparing, outcome: ReadOutcome): void {
  const { asked, tally, onFinding } = comparing;
  const { key, kind } = outcome;
  const expected = asked.get(key);
  if (expected === undefined) throw new Error(`${key} was read, and nobody had asked for it`);
  asked.delete(key);
  if (kind === "absent") return lose(comparing, expected);
  const fault = kind === "value" ? faultOf(expected, outcome.value) : outcome.problem.message;
  if (fault === undefined) {
    tally.equal++;
    tally.bytes += expected.size;
    return;
  }
  tally.different++;
  onFinding(problem("differs", key, fault));
}

/** What of a key is not as the snapshot has it; undefined: all is. */
function faultOf(expected: PageEntry, { entry, bytes }: Value): string | undefined {
  const faults: string[] = [];
  if (bytes.byteLength !== expected.size || sha256Of(bytes) !== expected.sha256) faults.push("value");
  if (entry.metadata !== expected.metadata) faults.push("metadata");
  if (entry.expiration !== expected.expiration) faults.push("expiration");
  return faults.length === 0 ? undefined : `came back with another ${faults.join(" and another ")}`;
}

/** A key that is not there any more, or never was. */
function lose({ clock, tally, onFinding, whyLost }: Comparing, { key, expiration }: PageEntry): void {
  // It has come within the time in which nobody writes it, since the restore began.
  const soon = toEpochSeconds(clock.now()) + EXPIRATION_AHEAD_SECONDS_MIN;
  if (expiration !== undefined && expiration < soon) return skip(tally, onFinding, key);
  tally.lost++;
  onFinding(problem("unreadable", key, whyLost(key) ?? "did not come back"));
}

function skip(tally: Tally, onFinding: CompareOptions["onFinding"], key: Key): void {
  tally.skipped++;
  onFinding(notice("expired", key, "has expired, or does within 60 seconds: it is left out"));
}

function lostPage(page: number, entries: number, message: string): Problem {
  return problem(
    "unreadable",
    `page ${page + 1}`,
    `all keys of this page (${entries}) did not come back, since it cannot be read: ${message}`,
  );
}
