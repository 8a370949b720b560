// An answer's body on its way from the socket to whoever reads it: an async iterable with back-pressure. (undici's own
// one is part of its `request` and a Node stream with all that comes with it.)

import type { ByteCount } from "../core/clock.ts";

/** The part of undici's controller that a body needs. */
interface BodyController {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

export interface BodyQueue {
  /** Can be iterated once; leaving the loop early drops the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  attach(controller: BodyController): void;
  push(chunk: Uint8Array): void;
  end(): void;
  fail(error: Error): void;
}

/** Beyond this many unread bytes the socket is paused. */
const HIGH_WATER_BYTES: ByteCount = 256 * 1024;

export function openBodyQueue(): BodyQueue {
  const chunks: Uint8Array[] = [];
  let waiting = 0;
  let paused = false;
  let state: "open" | "ended" | "failed" = "open";
  let failure: Error | undefined;
  let controller: BodyController | undefined;
  let wake: (() => void) | undefined;

  const notify = (): void => {
    wake?.();
    wake = undefined;
  };

  async function* read(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          waiting -= chunk.byteLength;
          yield chunk;
        } else if (state === "failed") {
          throw failure;
        } else if (state === "ended") {
          return;
        } else {
          resume();
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      if (state === "open") controller?.abort(new Error("the answer was not read to its end"));
    }
  }

  function resume(): void {
    if (!paused) return;
    paused = false;
    controller?.resume();
  }

  return {
    body: { [Symbol.asyncIterator]: read },
    attach: (attached) => {
      controller = attached;
    },
    push: (chunk) => {
      chunks.push(chunk);
      waiting += chunk.byteLength;
      if (waiting > HIGH_WATER_BYTES && !paused) {
        paused = true;
        controller?.pause();
      }
      notify();
    },
    end: () => {
      state = "ended";
      notify();
    },
    fail: (error) => {
      state = "failed";
      failure = error;
      chunks.length = 0;
      notify();
    },
  };
}
