// The room that an answer takes which is held whole and may be large, from before it is put together until it has left: a client that reads
// slowly holds up those that want as much, and nobody else.

import type { Socket } from "node:net";
import type { ByteCount } from "../core/clock.ts";
import type { Answer } from "./answer.ts";
import { unlessGone } from "./client-gone.ts";
import type { Share } from "./memory-room.ts";
import { type ServerMemory, SMALL_BYTES_MAX } from "./server-memory.ts";

export interface AnswerRoom {
  /** Waits for room for an answer of which nothing is known but how large it may be. Rejects with ClientGone. */
  wait(bytesMax: ByteCount): Promise<void>;
  /** It has become `answer`, and takes no more than that. */
  settle(answer: Answer): void;
  leave(): void;
}

/** Nothing is taken of `memory` before the first `wait`. */
export function openAnswerRoom({ answers }: ServerMemory, socket: Socket): AnswerRoom {
  let share: Share | undefined;
  return {
    async wait(bytesMax) {
      share = answers.enter();
      const waits = share.take(bytesMax);
      if (waits !== undefined) await unlessGone(socket, waits);
    },
    settle({ body }) {
      const bytes = typeof body === "string" ? body.length : body.byteLength;
      share?.settle(bytes > SMALL_BYTES_MAX ? bytes : 0);
    },
    leave: () => share?.leave(),
  };
}
