// Room in memory for answers that are read beside each other. An answer takes room when it says how long it is, or else as it
// comes; one that finds no room is held back, and its server with it, until others are used up. So what nobody knew the size of
// does not pass the bound, and is not asked for one at a time either.
//
// Invariants: the bound is passed by one answer at most, which is larger than all of it. Answers are let in by the order in which they
// began, and none waits for one behind it: the first of them goes on as soon as nothing is left to be taken by the caller, who
// waits for none in particular. So somebody can always go on.

import type { ByteCount } from "../core/clock.ts";

/** What one answer says of itself to whoever keeps account of its bytes. */
export interface Intake {
  /** It is going to be of so many bytes, or is already. Undefined: it may be read on; else as soon as the promise resolves. */
  admit(bytes: ByteCount): Promise<void> | undefined;
}

/** The room of one answer. */
interface Share extends Intake {
  /** It is not in memory any more, or counts as kept. */
  end(): void;
}

export interface AnswerRoom {
  /** For an answer that is taken to be of `expected` bytes until it begins. `copies`: how often it is in memory while it is read. */
  open(expected: ByteCount, copies: number): Share;
  /** What was read, and waits for its taker or is in his hands; less than nothing: no longer. */
  keep(bytes: ByteCount): void;
  /** Of everything: what is expected, is read, and is kept. */
  readonly bytes: ByteCount;
  readonly kept: ByteCount;
  /** Whoever waits, or comes later, fails. */
  fail(error: unknown): void;
}

interface Reading {
  bytes: ByteCount;
  waiting: { readonly bytes: ByteCount; resolve(): void; reject(error: unknown): void } | undefined;
}

export function openAnswerRoom(bytesMax: ByteCount): AnswerRoom {
  /** Answers that have begun, the oldest first. */
  const readings: Reading[] = [];
  let [expected, read, kept] = [0, 0, 0];
  let failure: { readonly error: unknown } | undefined;

  const fits = (reading: Reading, bytes: ByteCount): boolean =>
    read - reading.bytes + kept + bytes <= bytesMax || (reading === readings[0] && kept === 0);
  const grow = (reading: Reading, bytes: ByteCount): void => {
    read += bytes - reading.bytes;
    reading.bytes = bytes;
  };
  const letIn = (): void => {
    for (const reading of readings) {
      const { waiting } = reading;
      if (waiting === undefined) continue;
      if (!fits(reading, waiting.bytes)) return;
      grow(reading, waiting.bytes);
      reading.waiting = undefined;
      waiting.resolve();
    }
  };
  const firstWaiting = (): Reading | undefined => readings.find(({ waiting }) => waiting !== undefined);

  function open(guess: ByteCount, copies: number): Share {
    expected += guess;
    let reading: Reading | undefined;
    return {
      admit(size) {
        if (failure !== undefined) throw failure.error;
        const bytes = size * copies;
        if (reading === undefined) {
          expected -= guess;
          readings.push((reading = { bytes: 0, waiting: undefined }));
        }
        const own = reading;
        if (bytes <= own.bytes) return undefined;
        const waits = firstWaiting();
        const isNext = waits === undefined || readings.indexOf(own) < readings.indexOf(waits);
        if (isNext && fits(own, bytes)) {
          grow(own, bytes);
          return undefined;
        }
        return new Promise((resolve, reject) => {
          own.waiting = { bytes, resolve, reject };
        });
      },
      end() {
        if (reading === undefined) expected -= guess;
        else {
          grow(reading, 0);
          readings.splice(readings.indexOf(reading), 1);
        }
        letIn();
      },
    };
  }

  return {
    open,
    keep(bytes) {
      kept += bytes;
      if (bytes < 0) letIn();
    },
    get bytes() {
      return expected + read + kept;
    },
    get kept() {
      return kept;
    },
    fail(error) {
      failure ??= { error };
      for (const reading of readings) {
        reading.waiting?.reject(error);
        reading.waiting = undefined;
      }
    },
  };
}
