// Values that are too long for a row: in parts, under an id that is never given to another value. So whoever reads one reads each part when he
// is ready for it, over whatever connection is free, and what takes its place meanwhile does not disturb him.
//
// A value that no key has is in kv_doomed with the moment since when: not yet, while it is being sent, or no more. It is purged
// when it has been there for REPLACED_VALUE_LIFETIME_MS.

import { randomUUID } from "node:crypto";
import type { ByteCount, Clock } from "../../../core/clock.ts";
import { inParts } from "../in-parts.ts";
import { type LongValue, PART_BYTES, type StagedValue } from "../store.ts";
import type { Session, Statement } from "./session.ts";

/** Longer values are stored in parts. */
export const INLINE_BYTES_MAX: ByteCount = 32 * 1024;

const STAGE: Statement = {
  name: "value-stage",
  text: "INSERT INTO kv_doomed (value, since) VALUES ($1, $2) ON CONFLICT DO NOTHING",
};
const PUT_PART: Statement = {
  name: "part-put",
  text: "INSERT INTO kv_part (value, number, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
};
const READ_PART: Statement = { name: "part-read", text: "SELECT bytes FROM kv_part WHERE value = $1 AND number = $2" };
const GIVE_UP: Statement = { name: "value-give-up", text: "UPDATE kv_doomed SET since = 0 WHERE value = $1" };

/** What is in {@link StagedValue.staged}: a value that turned out to be short, or the id of a long one. */
export type Staged =
  | { readonly kind: "short"; readonly bytes: Uint8Array }
  | { readonly kind: "long"; readonly id: string };

export function longValue(sessionNow: () => Session, id: string, byteLength: ByteCount): LongValue {
  const count = Math.ceil(byteLength / PART_BYTES);
  const read = async (number: number): Promise<Uint8Array> => {
    const [row] = await sessionNow().query<[Buffer]>(READ_PART, [id, number]);
    if (row === undefined) throw new Error("a part of a value is gone: it was replaced or removed long ago");
    return row[0];
  };
  return {
    byteLength,
    async *parts() {
      for (let number = 0; number < count; number++) {
        const part = await read(number);
        yield part;
        // It goes now, and not when V8 has collected it. A small one is a piece of memory that others have pieces of.
        if (part.buffer.byteLength === part.byteLength) (part.buffer as ArrayBuffer).transfer(0);
      }
    },
  };
}

/** Stores what `chunks` give, a part at a time and with no transaction open between two. */
export async function stageValue(
  session: Session,
  clock: Clock,
  chunks: AsyncIterable<Uint8Array>,
): Promise<StagedValue> {
  let id: string | undefined;
  let count = 0;
  let byteLength = 0;
  try {
    // A part's memory is that of the next one: it is stored, and then the next one is asked for.
    for await (const part of inParts(chunks)) {
      byteLength += part.byteLength;
      if (byteLength <= INLINE_BYTES_MAX)
        return { byteLength, staged: { kind: "short", bytes: Uint8Array.from(part) } satisfies Staged };
      id ??= await begin(session, clock);
      await session.query(PUT_PART, [id, count++, part]);
    }
    const staged: Staged = id === undefined ? { kind: "short", bytes: new Uint8Array() } : { kind: "long", id };
    return { byteLength, staged };
  } catch (error) {
    // What is left is purged in any case; this way at once.
    if (id !== undefined) await session.query(GIVE_UP, [id]).catch(() => undefined);
    throw error;
  }
}

async function begin(session: Session, clock: Clock): Promise<string> {
  const id = randomUUID();
  await session.query(STAGE, [id, clock.now()]);
  return id;
}

/** Stores a value that is there as a whole, in the transaction of `session` and under a new id, which is returned. */
export async function putWhole(session: Session, bytes: Buffer): Promise<string> {
  const id = randomUUID();
  for (let number = 0; number * PART_BYTES < bytes.byteLength; number++) {
    const part = bytes.subarray(number * PART_BYTES, (number + 1) * PART_BYTES);
    await session.query(PUT_PART, [id, number, part]);
  }
  return id;
}
