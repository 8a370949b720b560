// One step of the scrub: reads the next hundred values of the remote and holds each against its stamp. A listing believes
// stamps; a program that writes another value and keeps the metadata is seen by nothing else.

import type { Clock, DurationMs } from "../core/clock.ts";
import { type BaseRow, baseEntry } from "../core/entry.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { BaseStore } from "../engine/ports.ts";
import type { Replica } from "../replica/replica.ts";

export interface ScrubStep {
  /** The last key that was read; undefined: the end was reached. */
  readonly after: Key | undefined;
  /** Those that were read and are what their stamps say, or are gone. */
  readonly sound: readonly Key[];
  /** Those that are not. */
  readonly problems: readonly Problem[];
  /** How many keys there are. */
  readonly keys: number;
}

/** What was written more recently may still be read as it was before. */
const SETTLED_AFTER_MS: DurationMs = 600_000;

export async function scrubStep(deps: {
  readonly clock: Clock;
  readonly remote: Replica;
  readonly base: BaseStore;
  readonly after: Key | undefined;
  readonly signal: AbortSignal;
}): Promise<ScrubStep> {
  const { clock, remote, base, signal } = deps;
  const rows = await rowsAfter(base, deps.after);
  const now = clock.now();
  const asked = rows
    // A row from a time to come was written before the machine's clock was set back, perhaps long ago.
    .filter((row) => now - row.agreedAt > SETTLED_AFTER_MS || row.agreedAt - now > SETTLED_AFTER_MS)
    .map((row) => ({ ...baseEntry(row)!, fingerprint: undefined }));
  const sound: Key[] = [];
  const problems: Problem[] = [];
  for await (const outcomes of remote.read(onePage(asked), { signal, reusesBytes: true })) {
    for (const outcome of outcomes) {
      if (outcome.kind !== "problem") sound.push(outcome.key);
      else if (outcome.problem.code === "stale-read") problems.push(lyingStamp(outcome.key));
    }
  }
  const after = rows.length < BULK_GET_KEYS_MAX ? undefined : rows.at(-1)?.key;
  return { after, sound, problems, keys: base.count() };
}

function lyingStamp(key: Key): Problem {
  const message =
    "is not the value that its stamp is of: another program wrote it and kept the metadata; write it again, or delete it";
  return problem("stale-read", key, message);
}

async function rowsAfter(base: BaseStore, after: Key | undefined): Promise<readonly BaseRow[]> {
  const rows: BaseRow[] = [];
  for await (const page of base.scan()) {
    for (const row of page) {
      if ("gone" in row || (after !== undefined && compareUtf8(row.key, after) <= 0)) continue;
      rows.push(row);
      if (rows.length === BULK_GET_KEYS_MAX) return rows;
    }
  }
  return rows;
}

async function* onePage<T>(page: readonly T[]): AsyncGenerator<readonly T[]> {
  if (page.length > 0) yield page;
}
