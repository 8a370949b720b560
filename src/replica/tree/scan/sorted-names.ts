// The names in a folder, in order, in little memory: a folder may have a million of them. They are sorted in runs, which
// are packed into bytes and merged while they are read; a folder of the usual size is one run that stays as it is.
//
// For names without characters from U+D800 on only: there the native order is the order of UTF-8 [I1].

const RUN_NAMES_MAX = 4096;
const SLASH = 0x2f;

export class SortedNames {
  #open: string[] = [];
  #at = 0;
  /** By their current names. */
  readonly #runs: Run[] = [];

  /** `name`: without "/", and not added before. */
  add(name: string): void {
    this.#open.push(name);
    if (this.#open.length === RUN_NAMES_MAX) this.#pack();
  }

  /** To be called once, after the last name was added. */
  sort(): void {
    if (this.#runs.length > 0) this.#pack();
    else this.#open.sort();
  }

  /** The first name not passed yet; undefined at the end. */
  get current(): string | undefined {
    return this.#runs.length > 0 ? this.#runs[0]?.current : this.#open[this.#at];
  }

  advance(): void {
    const first = this.#runs.shift();
    if (first === undefined) this.#at++;
    else if (first.advance()) this.#insert(first);
    // The last run is used up: without any, there are no open names either.
  }

  #pack(): void {
    if (this.#open.length === 0) return;
    this.#insert(new Run(this.#open.sort()));
    this.#open = [];
    this.#at = 0;
  }

  #insert(run: Run): void {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.current < run.current) low = middle + 1;
      else high = middle;
    }
    this.#runs.splice(low, 0, run);
  }
}

/** Names in order, as bytes, with slashes between. */
class Run {
  readonly #bytes: Buffer;
  #from = 0;
  #to = 0;
  current: string;

  constructor(names: readonly string[]) {
    this.#bytes = Buffer.from(names.join("/"));
    this.current = this.#decode();
  }

  /** False at the end. */
  advance(): boolean {
    this.#from = this.#to + 1;
    if (this.#from >= this.#bytes.length) return false;
    this.current = this.#decode();
    return true;
  }

  #decode(): string {
    const slash = this.#bytes.indexOf(SLASH, this.#from);
    this.#to = slash < 0 ? this.#bytes.length : slash;
    return this.#bytes.toString("utf8", this.#from, this.#to);
  }
}
