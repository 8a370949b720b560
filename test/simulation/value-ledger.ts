// What becomes of every value that somebody was told is written. Each is unique, and says its number in its bytes, so that
// it can be found wherever it ended up: on a side, in a conflict copy, in the trash.
//
// A value need not be anywhere in the end if the person at a side replaced or deleted it there: that is what they wanted.
// Of the others one kind can be lost, since KV has no compare-and-swap: a value that was written to the remote less than
// the lag before kvsync wrote the same key, and that no read had shown to kvsync. It is counted, apart, and held against
// that very definition; whatever else is missing is a bug.

export type SideName = "local" | "remote";

interface Written {
  readonly key: string;
  readonly side: SideName;
  readonly at: number;
  /** A person replaced or deleted it. */
  isDischarged: boolean;
  /** When a read first showed it to kvsync. */
  shownAt: number | undefined;
  /** When it went from the remote by kvsync's doing, the last time. */
  overwrittenAt: number | undefined;
  /** The number of the value that took its place; undefined: it was deleted. */
  overwrittenBy: number | undefined;
}

export interface Verdict {
  readonly written: number;
  readonly kept: number;
  readonly discharged: number;
  /** Overwritten within the lag, and never read by kvsync before. */
  readonly unseen: readonly string[];
  /** What must be empty. */
  readonly lost: readonly string[];
}

export class ValueLedger {
  readonly #written: Written[] = [];

  /** A new value's bytes: text, or no UTF-8. */
  create(
    side: SideName,
    key: string,
    at: number,
    options: { readonly binary: boolean; readonly bytes: number },
  ): Buffer {
    const number = this.#written.length;
    this.#written.push({
      key,
      side,
      at,
      isDischarged: false,
      shownAt: undefined,
      overwrittenAt: undefined,
      overwrittenBy: undefined,
    });
    const text = Buffer.from(`v${number}. ${"x".repeat(options.bytes)}`);
    return options.binary ? Buffer.concat([text, Buffer.from([0xff, 0xfe])]) : text;
  }

  /** It need not be anywhere: a person replaced it, or was never told that it was written. */
  discharge(bytes: Uint8Array | undefined): void {
    const written = this.#find(bytes);
    if (written !== undefined) written.isDischarged = true;
  }

  show(bytes: Uint8Array | undefined, at: number): void {
    const written = this.#find(bytes);
    if (written !== undefined) written.shownAt ??= at;
  }

  keyOf(bytes: Uint8Array): string | undefined {
    return this.#find(bytes)?.key;
  }

  overwrite(bytes: Uint8Array, by: Uint8Array | undefined, at: number): void {
    const written = this.#find(bytes);
    if (written === undefined) return;
    written.overwrittenAt = at;
    written.overwrittenBy = by === undefined ? undefined : numberOf(by);
  }

  /** `held`: the bytes of everything that is left anywhere. */
  judge(held: Iterable<Uint8Array>, lagMs: number): Verdict {
    const kept = new Set<number>();
    for (const bytes of held) {
      const number = numberOf(bytes);
      if (number !== undefined) kept.add(number);
    }
    const missing = this.#written
      .map((written, number) => ({ ...written, number }))
      .filter(({ number, isDischarged }) => !isDischarged && !kept.has(number));
    const isUnseen = ({ side, at, shownAt, overwrittenAt }: Written): boolean =>
      side === "remote" &&
      overwrittenAt !== undefined &&
      overwrittenAt - at <= lagMs &&
      (shownAt === undefined || shownAt > overwrittenAt);
    return {
      written: this.#written.length,
      kept: kept.size,
      discharged: this.#written.filter(({ isDischarged }) => isDischarged).length,
      unseen: missing.filter(isUnseen).map(render),
      lost: missing.filter((value) => !isUnseen(value)).map(render),
    };
  }

  #find(bytes: Uint8Array | undefined): Written | undefined {
    const number = bytes === undefined ? undefined : numberOf(bytes);
    return number === undefined ? undefined : this.#written[number];
  }
}

function numberOf(bytes: Uint8Array): number | undefined {
  const match = /^v(\d+)\. /.exec(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 20)).toString("latin1"),
  );
  return match === null ? undefined : Number(match[1]);
}

function render(value: Written & { readonly number: number }): string {
  const { number, key, side, at, shownAt, overwrittenAt, overwrittenBy } = value;
  const after = (moment: number | undefined): string =>
    moment === undefined ? "never" : `${Math.round(moment - at)} ms later`;
  const by =
    overwrittenAt === undefined ? "" : overwrittenBy === undefined ? " by a deletion" : ` by v${overwrittenBy}`;
  return `v${number} of ${key}, written at the ${side}, shown ${after(shownAt)}, overwritten ${after(overwrittenAt)}${by}`;
}
