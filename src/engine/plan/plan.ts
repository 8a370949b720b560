// A plan: the list of actions of one round, with what they will cost. In memory while it is small, in the spool beyond,
// so that a million actions cost no more memory than twenty thousand.

import type { Action, ActionLists, ListName } from "./action.ts";
import type { Spool } from "../ports.ts";
import { decodeActions, encodeActions } from "./plan-page.ts";

const PAGE_ACTIONS = 500;
/** Actions kept in memory, about 2 MB of them, before a plan moves to the spool. */
const MEMORY_ACTIONS_MAX = 4000;

export class Plan {
  readonly #spool: Spool;
  readonly #memoryActionsMax: number;
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
  #conflicts = 0;

  constructor(spool: Spool, memoryActionsMax: number = MEMORY_ACTIONS_MAX) {
    this.#spool = spool;
    this.#memoryActionsMax = memoryActionsMax;
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

  /** How many of the writes are of keys that both sides changed. */
  get conflicts(): number {
    return this.#conflicts;
  }

  add(action: Action): void {
    const list = listOf(action);
    this.#counts[list]++;
    if (action.kind === "write") this.#bytes += action.from.size ?? 0;
    if (action.kind === "write" && action.conflict !== undefined) this.#conflicts++;
    let page = this.#open.get(list);
    if (page === undefined) this.#open.set(list, (page = []));
    page.push(action);
    if (page.length === PAGE_ACTIONS) this.#closePage(list, page);
  }

  #closePage(list: ListName, page: Action[]): void {
    this.#open.delete(list);
    if (this.#inMemory >= this.#memoryActionsMax || this.#spooled.has(list)) {
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
