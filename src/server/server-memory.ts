// The rooms of one server, and what each is for. Values that are long are in none of them: they are never held whole.

import type { ByteCount } from "../core/clock.ts";
import { openRoom, type Room } from "./memory-room.ts";

const MEBIBYTE = 1024 * 1024;

/** A body or an answer that is larger counts as a large one. Nearly all that clients send is smaller. */
export const SMALL_BYTES_MAX: ByteCount = MEBIBYTE;

export interface ServerMemory {
  /** Bodies that say they are small. A room of their own: large ones that wait do not hold them up. */
  readonly small: Room;
  /** All other bodies: at most this and the 100 MiB of one of them. */
  readonly large: Room;
  /** The answers of bulk gets. */
  readonly answers: Room;
}

export function openMemory(): ServerMemory {
  return { small: openRoom(32 * MEBIBYTE), large: openRoom(64 * MEBIBYTE), answers: openRoom(64 * MEBIBYTE) };
}
