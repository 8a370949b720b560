// The values of entries. An entry refers to a short one by a positive number, and to a long one, which lies in parts, by a negative one. A
// short value is replaced in place; a long one never changes, so that who reads its parts one after the other reads one version: it is
// doomed when its entry lets go of it, and purged much later. A value that is being staged is doomed from its start.

import { setImmediate } from "node:timers/promises";
import type { ByteCount, Clock, EpochMs } from "../../../core/clock.ts";
import { inParts } from "../in-parts.ts";
import { type LongValue, PART_BYTES, REPLACED_VALUE_LIFETIME_MS, type StagedValue } from "../store.ts";
import type { Database } from "./database.ts";
import type { Turns } from "./turns.ts";

/** What an entry's row says of its value. */
type ValueReference = number;

export interface Values {
  /** The number that the next short value may take; to be raised by one for each. */
  nextShort(): number;
  /** Stores a short value under `id`, in place of what is there. */
  putShort(id: number, value: string | Uint8Array): void;
  /** Undefined: `value` is short. Else it is stored, or taken over from where it was staged. */
  putLong(value: string | Uint8Array | StagedValue): ValueReference | undefined;
  /** No entry has it any more. */
  drop(value: ValueReference): void;
  openLong(value: ValueReference): LongValue;
  readLong(value: ValueReference): Buffer;
  stage(chunks: AsyncIterable<Uint8Array>): Promise<StagedValue>;
  /** Deletes one long value that is doomed for long enough. Returns how many rows there were. */
  purge(now: EpochMs): number;
}

export function openValues(database: Database, clock: Clock, { inTurn }: Turns): Values {
  const last = database.prepare("SELECT coalesce(max(id), 0) FROM value");
  const replace = database.prepare("INSERT OR REPLACE INTO value (id, bytes) VALUES (?, CAST(? AS BLOB))");
  const removeShort = database.prepare("DELETE FROM value WHERE id = ?");
  const insertLong = database.prepare("INSERT INTO long_value (length) VALUES (?) RETURNING id");
  const setLength = database.prepare("UPDATE long_value SET length = ? WHERE id = ?");
  const lengthOf = database.prepare("SELECT length FROM long_value WHERE id = ?");
  const insertPart = database.prepare("INSERT INTO part (value, number, bytes) VALUES (?, ?, ?)");
  const part = database.prepare("SELECT bytes FROM part WHERE value = ? AND number = ?");
  const doom = database.prepare("INSERT INTO doomed (value, since) VALUES (?, ?)");
  const spare = database.prepare("DELETE FROM doomed WHERE value = ?");
  const overdue = database.prepare("SELECT value FROM doomed WHERE since <= ? LIMIT 1");
  const removeParts = database.prepare("DELETE FROM part WHERE value = ?");
  const removeLong = database.prepare("DELETE FROM long_value WHERE id = ?");

  const create = (length: ByteCount): number => (insertLong.get(length) as unknown as [number])[0];
  const readPart = inTurn((id: number, number: number): Uint8Array => {
    const row = part.get(id, number) as unknown as [Uint8Array] | undefined;
    if (row === undefined) throw new Error("a part of a value is gone: it was replaced long ago");
    return row[0];
  });
  const lengthOfLong = (id: number): ByteCount => (lengthOf.get(id) as unknown as [number])[0];

  const beginStaged = inTurn(() =>
    database.transaction(() => {
      const id = create(0);
      doom.run(id, clock.now());
      return id;
    }),
  );
  const addPart = inTurn(
    (id: number, number: number, bytes: Uint8Array): void => void insertPart.run(id, number, bytes),
  );
  const endStaged = inTurn((id: number, length: ByteCount): void => void setLength.run(length, id));

  return {
    nextShort: () => (last.get() as unknown as [number])[0] + 1,
    putShort: (id, value) => void replace.run(id, value),
    putLong(value) {
      if (isStaged(value)) {
        if (spare.run(value.staged as number).changes !== 1)
          throw new Error("a value that was staged is gone: it was written too late");
        return -(value.staged as number);
      }
      if (!isLong(value)) return undefined;
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      const id = create(bytes.length);
      for (let at = 0, number = 0; at < bytes.length; at += PART_BYTES, number++)
        insertPart.run(id, number, bytes.subarray(at, at + PART_BYTES));
      return -id;
    },
    drop(value) {
      if (value > 0) removeShort.run(value);
      else doom.run(-value, clock.now());
    },
    openLong(value) {
      const byteLength = lengthOfLong(-value);
      return {
        byteLength,
        async *parts() {
          for (let number = 0; number * PART_BYTES < byteLength; number++) {
            // A part at a time, and others between two of them: who reads many does not hold everybody up.
            if (number > 0) await setImmediate();
            const part = await readPart(-value, number);
            yield part;
            // It goes now, and not when V8 has collected it: a hundred at once who read took 60 MB more.
            (part.buffer as ArrayBuffer).transfer(0);
          }
        },
      };
    },
    readLong(value) {
      const bytes = Buffer.allocUnsafeSlow(lengthOfLong(-value));
      for (let at = 0, number = 0; at < bytes.length; at += PART_BYTES, number++)
        bytes.set((part.get(-value, number) as unknown as [Uint8Array])[0], at);
      return bytes;
    },
    async stage(chunks) {
      const id = await beginStaged();
      let number = 0;
      let byteLength = 0;
      for await (const bytes of inParts(chunks)) {
        await addPart(id, number++, bytes);
        byteLength += bytes.length;
      }
      await endStaged(id, byteLength);
      return { byteLength, staged: id };
    },
    purge(now) {
      const row = overdue.get(now - REPLACED_VALUE_LIFETIME_MS) as unknown as [number] | undefined;
      if (row === undefined) return 0;
      return database.transaction(() => {
        const parts = removeParts.run(row[0]).changes;
        removeLong.run(row[0]);
        spare.run(row[0]);
        return Number(parts) + 1;
      });
    },
  };
}

function isStaged(value: string | Uint8Array | StagedValue): value is StagedValue {
  return typeof value === "object" && "staged" in value;
}

function isLong(value: string | Uint8Array): boolean {
  if (value.length > PART_BYTES) return true;
  // A character is at most three bytes of UTF-8.
  return typeof value === "string" && value.length > PART_BYTES / 3 && Buffer.byteLength(value) > PART_BYTES;
}
