// An archive as a replica that is read forward. All of it is checked when it is opened; each listing and each read then begins
// at its first line again, and holds one value at a time.

import { isUtf8 } from "node:buffer";
import { realpathSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import type { Json } from "../../core/json-value.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { problem } from "../../core/problem.ts";
import { ownBytes, PAGE_BYTES, pageBytesOf } from "./large-values.ts";
import type { ListOptions, Pages, ReadableReplica, ReadOutcome, TransferOptions } from "../replica.ts";
import { type ArchiveAllowances, type CheckedArchive, checkArchive } from "./check-archive.ts";
import { changedMeanwhile } from "./refusals.ts";
import { type ArchiveItem, type SealedEntry, walkArchive } from "./walk-archive.ts";

export interface ArchiveOptions {
  readonly clock: Clock;
  readonly path: string;
  /** For people: `./backup.ndjson`, `stdin`. */
  readonly label: string;
  readonly allowed: ArchiveAllowances;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenArchive {
  readonly replica: ReadableReplica;
  /** What is told of an archive that is taken as it is, a line each. */
  readonly warnings: readonly string[];
  /** Where it lies, by no symbolic link. */
  readonly path: string;
  /** What was left out on purpose when it was written; null: nothing. `mayLackKeys` in it: nobody can tell. */
  readonly filter: Json;
}

interface Side extends ArchiveOptions {
  readonly checked: CheckedArchive;
}

const PAGE_ENTRIES = 1000;

/** Throws AppError "archive-refused", and as node:fs does. */
export async function openArchive(options: ArchiveOptions): Promise<OpenArchive> {
  const path = realpathSync(options.path);
  const checked = await checkArchive(path, options.label, options.allowed, options.signal);
  const side: Side = { ...options, path, checked };
  const replica: ReadableReplica = {
    kind: "archive",
    label: options.label,
    traits: { eventuallyConsistent: false, readsCostRequests: false, readOrder: "as-listed", writing: "never" },
    list: (given) => listEntries(side, given),
    lookup: undefined,
    fetch: undefined,
    read: (entries, given) => readEntries(side, entries, given),
    close: async () => {},
  };
  return { replica, warnings: checked.warnings, path, filter: checked.filter };
}

async function* listEntries(side: Side, { signal, onProblem }: ListOptions): Pages<Entry> {
  const { checked, label } = side;
  let page: Entry[] = [];
  for await (const item of itemsOf(side, signal)) {
    if (item.kind === "fault") onProblem(problem("unreadable", item.key ?? `line ${item.line}`, whyOf(item)));
    else if (!isTaken(item, side)) onProblem(problem("unreadable", item.entry.key, NOT_ITS_VALUE));
    else page.push(entryOf(item.entry));
    if (page.length < PAGE_ENTRIES) continue;
    yield page;
    page = [];
  }
  if (checked.end === undefined) {
    const cut = checked.cut ?? "has no end line";
    onProblem(problem("unreadable", label, `${cut}: what followed is lost`));
  }
  if (page.length > 0) yield page;
}

const NOT_ITS_VALUE = "is left out: its value is not the one that its sha256 is of";

function whyOf({ line, key, why }: Extract<ArchiveItem, { readonly kind: "fault" }>): string {
  return `is left out: ${key === undefined ? "it" : `line ${line}`} ${why}`;
}

/** A salvaged archive gives what is whole; one that was edited, what it holds now. */
function isTaken(item: Extract<ArchiveItem, { readonly kind: "entry" }>, { allowed }: Side): boolean {
  return !item.isEdited || allowed.edited;
}

/** Throws AppError "io" in the end if the archive is not the one that was checked. */
async function* itemsOf(
  { path, label, checked }: Side,
  signal: AbortSignal | undefined,
): AsyncGenerator<ArchiveItem, void> {
  const walk = walkArchive(path, label);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const next = await walk.next();
      if (next.done === true) {
        const { digest, cut, after } = next.value;
        if (digest !== checked.digest || cut !== checked.cut || after !== checked.after) throw changedMeanwhile(label);
        return;
      }
      yield next.value;
    }
  } finally {
    await walk.return(undefined as never);
  }
}

function entryOf({ key, bytes, metadata, expiration, sha256 }: SealedEntry): Entry {
  return {
    key,
    fingerprint: fingerprintOfSha256(sha256),
    metadata,
    expiration,
    ttlSeconds: undefined,
    size: bytes.byteLength,
    signature: undefined,
    binary: !isUtf8(bytes),
  };
}

async function* readEntries(
  side: Side,
  entries: Pages<Entry>,
  { signal, reusesBytes = false }: TransferOptions = {},
): Pages<ReadOutcome> {
  const items = itemsOf(side, signal);
  let page: ReadOutcome[] = [];
  let pageBytes = 0;
  let at: Extract<ArchiveItem, { readonly kind: "entry" }> | undefined;
  /** The entry of `key`, if there is one from here on. */
  const advance = async (key: Key): Promise<SealedEntry | undefined> => {
    while (at === undefined || compareUtf8(at.entry.key, key) < 0) {
      const next = await items.next();
      if (next.done === true) return undefined;
      if (next.value.kind === "entry") at = next.value;
    }
    const found = at;
    if (found.entry.key !== key) return undefined;
    at = undefined;
    return isTaken(found, side) ? found.entry : undefined;
  };
  try {
    for await (const wanted of entries) {
      for (const { key, fingerprint } of wanted) {
        const found = await advance(key);
        page.push(found === undefined ? { kind: "absent", key } : outcomeOf(found, fingerprint, side, reusesBytes));
        pageBytes += pageBytesOf(found?.bytes);
        if (page.length < PAGE_ENTRIES && pageBytes < PAGE_BYTES) continue;
        yield page;
        [page, pageBytes] = [[], 0];
      }
      if (page.length > 0) yield page;
      [page, pageBytes] = [[], 0];
    }
  } finally {
    await items.return();
  }
}

/** `listed`: the fingerprint that the listing showed. */
function outcomeOf(
  found: SealedEntry,
  listed: Entry["fingerprint"],
  { clock }: Side,
  reusesBytes: boolean,
): ReadOutcome {
  const { key } = found;
  const bytes = reusesBytes ? found.bytes : ownBytes(found.bytes);
  const entry = entryOf(found);
  if (listed !== undefined && listed !== entry.fingerprint) {
    const message = "is not the value that was listed: the archive changed while it was read";
    return { kind: "problem", key, problem: problem("changed-while-reading", key, message) };
  }
  return { kind: "value", key, value: { entry, bytes, readAt: clock.now() } };
}
