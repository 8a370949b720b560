// A plan: the list of actions of one round, with what they will cost. In memory while it is small, in the spool beyond,
// so that a million actions cost no more memory than twenty thousand.

import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { Spool } from "../journal/ports.ts";
import { decodeActions, encodeActions } from "./plan-page.ts";

/** The side that an action changes. One-way rounds change the destination only; in two-way sync the source is the local
 * side and the destination the remote one. */
export type Target = "source" | "destination";

export type Conflict = "copy" | "replace";

export interface WriteAction {
  readonly kind: "write";
  readonly to: Target;
  readonly key: Key;
  /** What is carried over, as its side lists it. */
  readonly from: Entry;
  /** What the target holds; undefined: nothing. */
  readonly replaces: Entry | undefined;
  /** Save what the target holds before it is replaced. */
  readonly save: boolean;
  /** The fingerprint of `from` is not known; if it turns out equal when read, only record it. */
  readonly ifDifferent: boolean;
  /** Both sides changed the key. "copy": what the target holds is kept as a conflict copy too. */
  readonly conflict: Conflict | undefined;
  /** The journal has a row of the key, or a tombstone: what is read of it may be what it was before. */
  readonly isKnown: boolean;
}

export interface RemoveAction {
  readonly kind: "remove";
  readonly to: Target;
  readonly key: Key;
  readonly replaces: Entry;
  readonly save: boolean;
}

/** Both sides are equal and the base does not say so yet. */
interface RecordAction {
  readonly kind: "record";
  readonly key: Key;
  readonly source: Entry;
  readonly destination: Entry;
}

/** Both sides are without a key that the base still has. */
interface ForgetAction {
  readonly kind: "forget";
  readonly key: Key;
}

export type Action = WriteAction | RemoveAction | RecordAction | ForgetAction;

export interface ActionLists {
  "write:source": WriteAction;
  "write:destination": WriteAction;
  "remove:source": RemoveAction;
  "remove:destination": RemoveAction;
  record: RecordAction;
  forget: ForgetAction;
}
export type ListName = keyof ActionLists;

const PAGE_ACTIONS = 500;
/** Actions kept in memory, about 2 MB of them, before a plan moves to the spool. */
const MEMORY_ACTIONS_MAX = 4000;

export class Plan {
  readonly #spool: Spool;
  readonly #open = new Map<ListName, Action[]>();
  readonly #memory = new Map<ListName, Action[][]>();
  /** Once a page of a list is spooled the later ones follow it there: they are read back in order. */
  readonly #spooled = new Set<ListName>();
  readonly #counts: Record<ListName, number> = {
    "write:source": 0,
    "write:destination": 0,
    "remove:source": 0,
    "remove:destination": 0,
    record: 0,
    forget: 0,
  };
  #inMemory = 0;
  #bytes = 0;

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  get counts(): Readonly<Record<ListName, number>> {
    return this.#counts;
  }

  get writes(): number {
    return this.#counts["write:source"] + this.#counts["write:destination"];
  }

  get removes(): number {
    return this.#counts["remove:source"] + this.#counts["remove:destination"];
  }

  /** Bytes of the values to be written, as far as their sizes are known. */
  get bytes(): number {
    return this.#bytes;
  }

  add(action: Action): void {
    const list = listOf(action);
    this.#counts[list]++;
    if (action.kind === "write") this.#bytes += action.from.size ?? 0;
    let page = this.#open.get(list);
    if (page === undefined) this.#open.set(list, (page = []));
    page.push(action);
    if (page.length === PAGE_ACTIONS) this.#closePage(list, page);
  }

  #closePage(list: ListName, page: Action[]): void {
    this.#open.delete(list);
    if (this.#inMemory >= MEMORY_ACTIONS_MAX || this.#spooled.has(list)) {
      this.#spooled.add(list);
      this.#spool.append(list, encodeActions(page));
      return;
    }
    this.#inMemory += page.length;
    const pages = this.#memory.get(list);
    if (pages === undefined) this.#memory.set(list, [page]);
    else pages.push(page);
  }

  /** The actions of one list in key order. May be called any number of times, once nothing is added any more. */
  *pages<L extends ListName>(list: L): Generator<readonly ActionLists[L][]> {
    yield* (this.#memory.get(list) ?? []) as ActionLists[L][][];
    if (this.#spooled.has(list)) {
      for (const page of this.#spool.scan(list)) yield decodeActions(page) as ActionLists[L][];
    }
    const open = this.#open.get(list);
    if (open !== undefined) yield open as ActionLists[L][];
  }

  clear(): void {
    this.#memory.clear();
    this.#open.clear();
    this.#spool.clear();
  }
}

function listOf(action: Action): ListName {
  return action.kind === "write" || action.kind === "remove" ? `${action.kind}:${action.to}` : action.kind;
}
