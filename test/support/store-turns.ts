// Several programs on one store, whose calls come one at a time, in an order that chance decides: each call of a program waits for
// its turn. A program may be killed at its n-th call, before or after it took effect.

import type { Store } from "../../src/backup/store/store.ts";

export class Killed extends Error {
  override readonly name = "Killed";
}

/** Kills a program at its call number `call`, counted from 0. */
export interface KillPoint {
  readonly call: number;
  readonly when: "before" | "after";
}

export interface CountedStore extends Store {
  readonly calls: readonly string[];
}

/** The store as one program sees it: every call is told to `turn` first; from its kill point on, nothing is done any more. */
export function withKillPoint(
  store: Store,
  { turn, kill }: { readonly turn?: (call: string) => Promise<void>; readonly kill?: KillPoint | undefined } = {},
): CountedStore {
  const calls: string[] = [];
  let isDead = false;
  const call = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    await turn?.(name);
    if (isDead) throw new Killed(name);
    const number = calls.push(name) - 1;
    const isLast = kill !== undefined && number >= kill.call;
    if (isLast) isDead = true;
    if (isLast && kill.when === "before") throw new Killed(name);
    const result = await work();
    if (isLast) throw new Killed(name);
    return result;
  };
  return {
    label: store.label,
    calls,
    putNew: (name, bytes, options) => call(`put ${name}`, () => store.putNew(name, bytes, options)),
    get: (name, range, options) => call(`get ${name}`, () => store.get(name, range, options)),
    head: (name, options) => call(`head ${name}`, () => store.head(name, options)),
    async *list(prefix, options) {
      yield* await call(`list ${prefix}`, async () => {
        const pages = [];
        for await (const page of store.list(prefix, options)) pages.push(page);
        return pages;
      });
    },
    remove: (name, options) => call(`remove ${name}`, () => store.remove(name, options)),
    now: (options) => call("now", () => store.now(options)),
    close: async () => {},
  };
}

/** Lets programs take turns. `pick` chooses one of so many that wait; `onTurn` runs before each call. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  readonly turn = (): Promise<void> => new Promise((resolve) => this.#waiting.push(resolve));

  /** Until all programs are done. Their failures are given back. */
  async run(
    programs: readonly (() => Promise<void>)[],
    { pick, onTurn }: { readonly pick: (among: number) => number; readonly onTurn: () => Promise<void> },
  ): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    for (const program of programs) {
      this.#running++;
      void program()
        .catch((error: unknown) => failures.push(error))
        .finally(() => this.#running--);
    }
    while (this.#running > 0) {
      await settle();
      if (this.#waiting.length === 0) continue;
      await onTurn();
      this.#waiting.splice(pick(this.#waiting.length), 1)[0]!();
    }
    return failures;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
