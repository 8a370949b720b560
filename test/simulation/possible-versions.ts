// What a key may hold while its only writer goes on and answers are lost: the model that answers of servers are judged by. A write whose
// answer was lost may have been done, may be done a moment later (the database can still be at it when its server is dead), or never.

/** Up to so long after it lost its answer may a request still be carried out: a database that works off what it was asked by a dead server. */
export const ECHO_MS = 10_000;

/** A moment, in the order of what happened in this process. */
export type Tick = number;

let ticks: Tick = 0;
export function tick(): Tick {
  return ++ticks;
}

export interface Version {
  /** 0 stands for "there is nothing". */
  readonly content: number;
  readonly begun: Tick;
  readonly begunMs: number;
  /** From then on it cannot be there any more. */
  over: Tick;
  /** When the last attempt to write it lost its answer. */
  lostMs: number;
  /** Whether a later version was acknowledged, and only an echo can bring it back. */
  isEcho: boolean;
}

export interface Interval {
  readonly from: Tick;
  readonly fromMs: number;
  readonly to: Tick;
}

export class PossibleVersions {
  #versions: Version[] = [{ content: 0, begun: 0, begunMs: 0, over: Infinity, lostMs: -Infinity, isEcho: false }];
  /** How often a write was seen that was carried out after a later one had been acknowledged. */
  echoes = 0;

  begin(content: number): Version {
    const begun = tick();
    const version = { content, begun, begunMs: performance.now(), over: Infinity, lostMs: -Infinity, isEcho: false };
    this.#versions.push(version);
    return version;
  }

  /** `version` is there from now on, and nothing that was written before it. */
  acknowledge(version: Version): void {
    const now = tick();
    for (const earlier of this.#versions) {
      if (earlier === version) break;
      earlier.isEcho = true;
      if (earlier.lostMs + ECHO_MS < version.begunMs) earlier.over = Math.min(earlier.over, now);
    }
    // What was over long ago no reader can have been shown.
    this.#versions = this.#versions.filter(({ over }) => over > now - 100_000);
  }

  /** Whether a reader may have been shown what `isShown` tells. */
  observe(isShown: (content: number) => boolean, { from, fromMs, to }: Interval): boolean {
    const possible = this.#versions.filter(
      ({ content, begun, over }) => begun <= to && over >= from && isShown(content),
    );
    const [seen] = possible;
    if (seen === undefined) return false;
    if (possible.length > 1) return true;
    if (seen.isEcho && seen.over === Infinity) this.echoes++;
    // It was there: what came before it has been replaced.
    for (const earlier of this.#versions) {
      if (earlier === seen) break;
      if (earlier.lostMs + ECHO_MS < fromMs) earlier.over = Math.min(earlier.over, to);
    }
    return true;
  }

  toString(): string {
    return this.#versions
      .map(({ content, over, lostMs }) => `${content}${over < Infinity ? " (over)" : ""}${lostMs > 0 ? " (lost)" : ""}`)
      .join(", ");
  }
}
