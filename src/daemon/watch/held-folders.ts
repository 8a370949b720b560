// Which of the folders that come to a tree chokidar reads at once, and which later. To watch a folder it looks at each file in it,
// which the round that is to be about these files does as well: of 40,000 files in 400 new folders that was up to a quarter of the
// CPU time until they had arrived. So where many folders come at once, most are told as changed and held back until that round is over.
//
// Nothing is lost by that: who lets a folder go has it watched, and then told as changed once more, with all below it.

/** So many at once are read as they come. */
const AT_ONCE_MAX = 32;

export class HeldFolders {
  readonly #atOnceMax: number;
  readonly #held = new Set<string>();
  /** Those that may be read, and are not watched yet: chokidar asks for each more than once. */
  readonly #admitted = new Set<string>();
  /** How many were let through since `startAnew`. */
  #arrivals = 0;

  constructor(atOnceMax: number = AT_ONCE_MAX) {
    this.#atOnceMax = atOnceMax;
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  has(path: string): boolean {
    return this.#held.has(path);
  }

  /** Whether the new folder `path` may be read now; "held-now": it may not, and is to be told as changed. */
  admit(path: string): "admitted" | "held" | "held-now" {
    if (this.#admitted.has(path)) return "admitted";
    if (this.#held.has(path)) return "held";
    if (this.#held.size > 0 || this.#arrivals >= this.#atOnceMax) {
      this.#held.add(path);
      return "held-now";
    }
    this.#arrivals++;
    this.#admitted.add(path);
    return "admitted";
  }

  /** `path` is to be read, whether it was held back or not. */
  letGo(path: string): void {
    this.#held.delete(path);
    this.#admitted.add(path);
  }

  /** There is no folder `path` any more; or it is watched, and needs no leave. */
  forget(path: string): void {
    this.#held.delete(path);
    this.#admitted.delete(path);
  }

  /** What came so far was reported: what comes from now on is another burst. */
  startAnew(): void {
    if (this.#held.size === 0) this.#arrivals = 0;
  }

  /** The first of those that are held back, for each of which `countNames` tells what it takes to read it (undefined: it is no folder
   * any more), until these are `namesMax`. They are to be read, and are no longer held back. */
  take(namesMax: number, countNames: (path: string) => number | undefined): readonly string[] {
    const taken: string[] = [];
    let names = 0;
    for (const path of this.#held) {
      if (names >= namesMax) break;
      const found = countNames(path);
      if (found === undefined) this.forget(path);
      else {
        this.letGo(path);
        taken.push(path);
        names += 1 + found;
      }
    }
    this.startAnew();
    return taken;
  }

  clear(): void {
    this.#held.clear();
    this.#admitted.clear();
    this.#arrivals = 0;
  }
}
