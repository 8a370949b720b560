// The merge-join: three ordered streams of pages become one stream of pages of triples, one triple a key, in constant
// memory. The loop inside is synchronous; it only awaits when a page runs out.

import { compareUtf8, type Key } from "../core/key.ts";
import type { BaseRow, Entry, Tombstone } from "../core/entry.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Target } from "./plan/action.ts";

export interface Triple {
  readonly key: Key;
  readonly source: Entry | undefined;
  readonly destination: Entry | undefined;
  readonly base: BaseRow | undefined;
  /** Versions that the key had before, encoded (core/settle.ts): of the base, or of a tombstone. */
  readonly previous: string | undefined;
  /** The sides that lag: they are taken to be something else than they show. */
  readonly lags?: Lags | undefined;
}

/** How a side lags [I7]. "listing": the listing alone does, and a direct read has told what the key is. "older", "absent": the
 * side shows an older version of the key, or none, and the key is taken to be what is known of it. */
export type Lag = "listing" | "older" | "absent";
export type Lags = { readonly [side in Target]?: Lag };

const PAGE_TRIPLES = 1000;

export interface MergeInput {
  readonly source: AsyncIterable<readonly Entry[]>;
  readonly destination: AsyncIterable<readonly Entry[]>;
  readonly base: AsyncIterable<readonly (BaseRow | Tombstone)[]>;
}

/** Throws AppError `api-malformed` if a stream is not in strictly ascending order [I1]: whatever follows from a wrong
 * order would be deletions. */
export async function* mergeJoin(input: MergeInput): AsyncGenerator<readonly Triple[]> {
  const source = new Cursor(input.source, "source");
  const destination = new Cursor(input.destination, "destination");
  const base = new Cursor(input.base, "base");
  try {
    let page: Triple[] = [];
    for (;;) {
      if (source.isDry) await source.refill();
      if (destination.isDry) await destination.refill();
      if (base.isDry) await base.refill();
      // Every cursor now has an item or is at its end.
      while (!source.isDry && !destination.isDry && !base.isDry) {
        const key = smallest(smallest(source.key, destination.key), base.key);
        if (key === undefined) {
          if (page.length > 0) yield page;
          return;
        }
        const row = base.take(key);
        page.push({
          key,
          source: source.take(key),
          destination: destination.take(key),
          base: row === undefined || "gone" in row ? undefined : row,
          previous: row?.previous,
        });
        if (page.length === PAGE_TRIPLES) {
          yield page;
          page = [];
        }
      }
    }
  } finally {
    await Promise.all([source.close(), destination.close(), base.close()]);
  }
}

function smallest(a: Key | undefined, b: Key | undefined): Key | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return compareUtf8(a, b) <= 0 ? a : b;
}

/** A place in a stream of pages. Starts to fetch the next page while the present one is worked on. */
class Cursor<T extends { readonly key: Key }> {
  readonly #iterator: AsyncIterator<readonly T[]>;
  readonly #name: string;
  #page: readonly T[] = [];
  #index = 0;
  #last: Key | undefined;
  #done = false;

  constructor(pages: AsyncIterable<readonly T[]>, name: string) {
    this.#iterator = pages[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** True when the page has run out and more may follow. */
  get isDry(): boolean {
    return this.#index === this.#page.length && !this.#done;
  }

  get key(): Key | undefined {
    return this.#page[this.#index]?.key;
  }

  take(key: Key): T | undefined {
    const item = this.#page[this.#index];
    if (item === undefined || item.key !== key) return undefined;
    this.#index++;
    const next = this.#page[this.#index];
    if (next === undefined) this.#last = key;
    else this.#checkOrder(key, next.key);
    return item;
  }

  async refill(): Promise<void> {
    while (this.isDry) {
      const result = await this.#iterator.next();
      if (result.done === true) {
        this.#done = true;
        this.#page = [];
        this.#index = 0;
        return;
      }
      this.#page = result.value;
      this.#index = 0;
      const first = this.#page[0];
      if (first !== undefined && this.#last !== undefined) this.#checkOrder(this.#last, first.key);
    }
  }

  async close(): Promise<void> {
    if (!this.#done) await this.#iterator.return?.();
  }

  #checkOrder(before: Key, after: Key): void {
    if (compareUtf8(before, after) < 0) return;
    throw new AppError(
      "api-malformed",
      `the ${this.#name} listed "${visible(after)}" after "${visible(before)}", which is not in order`,
      { hint: "nothing was changed; run again, and report it if it stays" },
    );
  }
}
