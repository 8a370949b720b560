// A plan: the list of actions of one round, with what they will cost. In memory while it is small, in the spool beyond,
// so that a million actions cost no more memory than twenty thousand.

import type { EpochSeconds } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Fingerprint } from "../core/fingerprint.ts";
import type { Key } from "../core/key.ts";
import type { Spool } from "../journal/ports.ts";

export interface WriteAction {
  readonly kind: "write";
  readonly key: Key;
  readonly source: Entry;
  readonly destination: Entry | undefined;
  /** Save what the destination holds before it is replaced. */
  readonly save: boolean;
  /** The source's fingerprint is not known; if it turns out equal when read, only record it. */
  readonly ifDifferent: boolean;
}

export interface RemoveAction {
  readonly kind: "remove";
  readonly key: Key;
  readonly destination: Entry;
  readonly save: boolean;
}

/** Both sides are equal and the base does not say so yet. */
export interface RecordAction {
  readonly kind: "record";
  readonly key: Key;
  readonly source: Entry;
  readonly destination: Entry;
}

/** Both sides are without a key that the base still has. */
export interface ForgetAction {
  readonly kind: "forget";
  readonly key: Key;
}

export type Action = WriteAction | RemoveAction | RecordAction | ForgetAction;
export type ActionOf<K extends Action["kind"]> = Extract<Action, { kind: K }>;

const PAGE_ACTIONS = 500;
/** Actions kept in memory, about 10 MB of them, before a plan moves to the spool. */
const MEMORY_ACTIONS_MAX = 20_000;

export class Plan {
  readonly #spool: Spool;
  readonly #open = new Map<Action["kind"], Action[]>();
  readonly #memory = new Map<Action["kind"], Action[][]>();
  readonly #counts = { write: 0, remove: 0, record: 0, forget: 0 };
  #inMemory = 0;
  #bytes = 0;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  get counts(): Readonly<Record<Action["kind"], number>> {
    return this.#counts;
  }

  /** Bytes of the values to be written, as far as their sizes are known. */
  get bytes(): number {
    return this.#bytes;
  }

  add(action: Action): void {
    this.#counts[action.kind]++;
    if (action.kind === "write") this.#bytes += action.source.size ?? 0;
    let page = this.#open.get(action.kind);
    if (page === undefined) this.#open.set(action.kind, (page = []));
    page.push(action);
    if (page.length < PAGE_ACTIONS) return;
    this.#open.delete(action.kind);
    if (this.#inMemory < MEMORY_ACTIONS_MAX && !this.#isSpooled(action.kind)) {
      this.#inMemory += page.length;
      const pages = this.#memory.get(action.kind);
      if (pages === undefined) this.#memory.set(action.kind, [page]);
      else pages.push(page);
    } else {
      this.#spooled.add(action.kind);
      this.#spool.append(action.kind, encodeActions(page));
    }
  }

  readonly #spooled = new Set<Action["kind"]>();

  /** Once a page of a kind is spooled the later ones follow it there: they are read back in order. */
  #isSpooled(kind: Action["kind"]): boolean {
    return this.#spooled.has(kind);
  }

  /** The actions of one kind in key order. May be called any number of times, once nothing is added any more. */
  *pages<K extends Action["kind"]>(kind: K): Generator<readonly ActionOf<K>[]> {
    yield* (this.#memory.get(kind) ?? []) as ActionOf<K>[][];
    if (this.#spooled.has(kind)) {
      for (const page of this.#spool.scan(kind)) yield decodeActions(page) as ActionOf<K>[];
    }
    const open = this.#open.get(kind);
    if (open !== undefined) yield open as ActionOf<K>[];
  }

  clear(): void {
    this.#memory.clear();
    this.#open.clear();
    this.#spool.clear();
  }
}

type EntryFields = [
  key: string,
  fingerprint: string | null,
  metadata: string | null,
  expiration: number | null,
  ttlSeconds: number | null,
  size: number | null,
  binary: boolean | null,
  mtimeMs: number | null,
  ctimeMs: number | null,
  inode: number | null,
];

type ActionFields = [
  kind: Action["kind"],
  key: string,
  source: EntryFields | null,
  destination: EntryFields | null,
  save: boolean,
  ifDifferent: boolean,
];

/** A page as the UTF-8 of a JSON array of arrays. */
function encodeActions(page: readonly Action[]): Uint8Array {
  return Buffer.from(JSON.stringify(page.map(actionFields)));
}

function decodeActions(bytes: Uint8Array): Action[] {
  return (JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as ActionFields[]).map(
    actionOf,
  );
}

function actionFields(action: Action): ActionFields {
  const source = "source" in action ? entryFields(action.source) : null;
  const destination =
    "destination" in action && action.destination !== undefined ? entryFields(action.destination) : null;
  const save = "save" in action && action.save;
  const ifDifferent = "ifDifferent" in action && action.ifDifferent;
  return [action.kind, action.key, source, destination, save, ifDifferent];
}

function actionOf([kind, text, source, destination, save, ifDifferent]: ActionFields): Action {
  const key = text as Key;
  switch (kind) {
    case "write":
      return {
        kind,
        key,
        source: entryOf(source!),
        destination: destination === null ? undefined : entryOf(destination),
        save,
        ifDifferent,
      };
    case "remove":
      return { kind, key, destination: entryOf(destination!), save };
    case "record":
      return { kind, key, source: entryOf(source!), destination: entryOf(destination!) };
    case "forget":
      return { kind, key };
  }
}

function entryFields(entry: Entry): EntryFields {
  const { signature } = entry;
  return [
    entry.key,
    entry.fingerprint ?? null,
    entry.metadata ?? null,
    entry.expiration ?? null,
    entry.ttlSeconds ?? null,
    entry.size ?? null,
    entry.binary ?? null,
    signature?.mtimeMs ?? null,
    signature?.ctimeMs ?? null,
    signature?.inode ?? null,
  ];
}

function entryOf(fields: EntryFields): Entry {
  const [key, fingerprint, metadata, expiration, ttlSeconds, size, binary, mtimeMs, ctimeMs, inode] = fields;
  return {
    key: key as Key,
    fingerprint: (fingerprint ?? undefined) as Fingerprint | undefined,
    metadata: metadata ?? undefined,
    expiration: (expiration ?? undefined) as EpochSeconds | undefined,
    ttlSeconds: ttlSeconds ?? undefined,
    size: size ?? undefined,
    signature: mtimeMs === null ? undefined : { size: size!, mtimeMs, ctimeMs: ctimeMs!, inode: inode! },
    binary: binary ?? undefined,
  };
}
