// How much of the memory the bodies and answers that are held whole may take together. Who wants to hold some asks for room first, and waits;
// a client whose body waits is not read from.
//
// A body has what has arrived of it, and not what it promises: a client that announces 100 MB and sends little takes little from others.
// But several bodies that have arrived in part may have filled the room, and each wait for the rest of it. So one at a time may go
// beyond it, to its end: the oldest of those that wait, which is not one that waits for its client. It holds up others until it
// leaves, or at the most until its client's time is up (listener.ts).

import type { ByteCount } from "../core/clock.ts";

export interface Room {
  /** A place in the order in which those who wait get room. */
  enter(): Share;
}

export interface Share {
  /** Undefined: there was room for so much more, and it is taken. Else it is when this resolves. One call at a time. */
  take(bytes: ByteCount): Promise<void> | undefined;
  /** Has this much from now on, whether there is room for it or not. */
  settle(bytes: ByteCount): void;
  /** Gives all of it back, and waits no longer: what was promised never comes. May be called again. */
  leave(): void;
}

interface Waiting {
  readonly place: number;
  readonly bytes: ByteCount;
  readonly share: Share;
  grant(): void;
}

export function openRoom(bytesMax: ByteCount): Room {
  let taken = 0;
  let places = 0;
  /** Which may go beyond `bytesMax`. */
  let favoured: Share | undefined;
  /** In the order of their places. */
  const waiting: Waiting[] = [];

  /** Whether `share` may take `bytes` now; if so for its being the favoured one, it is that from now on. */
  function mayTake(share: Share, bytes: ByteCount): boolean {
    if (taken + bytes <= bytesMax) return true;
    favoured ??= share;
    return favoured === share;
  }

  function grantInOrder(): void {
    if (taken <= bytesMax) favoured = undefined;
    for (let first = waiting[0]; first !== undefined && mayTake(first.share, first.bytes); first = waiting[0]) {
      waiting.shift();
      first.grant();
    }
  }

  return {
    enter() {
      const place = places++;
      let held = 0;
      const add = (bytes: ByteCount): void => {
        held += bytes;
        taken += bytes;
      };
      const share: Share = {
        take(bytes) {
          if (favoured === share || (waiting.length === 0 && mayTake(share, bytes))) {
            add(bytes);
            return undefined;
          }
          return new Promise((resolve) => {
            const grant = (): void => {
              add(bytes);
              resolve();
            };
            const before = waiting.findLastIndex((other) => other.place < place);
            waiting.splice(before + 1, 0, { place, bytes, share, grant });
            grantInOrder();
          });
        },
        settle(bytes) {
          add(bytes - held);
          grantInOrder();
        },
        leave() {
          const at = waiting.findIndex((other) => other.share === share);
          if (at !== -1) waiting.splice(at, 1);
          if (favoured === share) favoured = undefined;
          share.settle(0);
        },
      };
      return share;
    },
  };
}
