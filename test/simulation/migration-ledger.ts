// What the servers were asked during a migration that is killed and started anew, held against the fewest requests that it takes. The fewest:
// each value is read once, 100 in a request, and written once, 10,000 in a request, for each namespace by itself; each start lists what it
// stands on, 1,000 keys a page, each page once, and the last one once more for the proof. The last of several lists and reads all of it once more,
// for what has changed since the runs before it. In flight at a kill: what that run had read and
// not yet seen written, and what was written so shortly before that the process had no time to note it: the next run reads that again.
// All else is over.

import type { AnsweredRequest } from "./account-process.ts";

export type Side = "source" | "destination";

export interface MigrationLedger {
  note(side: Side, request: AnsweredRequest): void;
  /** A run has ended: killed at that moment, or by itself. */
  endRun(killedAt: number | undefined): void;
  /** Keys that were written, each once: by the runs that have ended, and with the one that is under way. */
  written(): number;
  writtenNow(): number;
  tally(): LedgerTally;
}

interface KindTally {
  readonly kind: string;
  readonly sent: number;
  readonly fewest: number;
  readonly inFlight: number;
  /** sent - fewest - inFlight */
  readonly over: number;
}

export interface LedgerTally {
  readonly kinds: readonly KindTally[];
  readonly rateLimited: number;
  /** Other answers than 200, by status. */
  readonly refused: Readonly<Record<string, number>>;
  /** Keys that a run read again though the one before it had written them: how many, and how long before the kill. */
  readonly readAgain: readonly { readonly keys: number; readonly writtenMsBefore: number }[];
}

/** Values that a bulk get reads, and that a bulk write takes, at the most (docs). */
const READS_MAX = 100;
const WRITES_MAX = 10_000;
/** Between the answer of a write and the moment when it is noted to be done. */
const NOTED_MS = 1000;

interface Run {
  /** By namespace: keys that were read, in requests. */
  readonly reads: Map<string, { requests: number; keys: Set<string> }>;
  readonly writes: { readonly namespace: string; readonly keys: readonly string[]; readonly at: number }[];
  /** How often each page of a listing was asked for. */
  readonly pages: Record<Side, Map<string, number>>;
}

/** `sourceOf`: the namespace at the source whose keys a namespace at the destination takes. */
export function openMigrationLedger(sourceOf: (destination: string) => string): MigrationLedger {
  let run = newRun();
  /** By namespace: keys that are written for good, and how long before the end of the run that wrote them. */
  const done = new Map<string, Map<string, number>>();
  const readAgain: { keys: number; writtenMsBefore: number }[] = [];
  const sums = {
    list: { source: newSum(), destination: newSum() },
    bulkGet: newSum(),
    bulkWrite: newSum(),
    destinationReads: newSum(),
  };
  const written = (): number => [...done.values()].reduce((all, { size }) => all + size, 0);
  let rateLimited = 0;
  let runs = 0;
  const refused: Record<string, number> = {};
  return {
    note(side, request) {
      if (request.status === 429) rateLimited++;
      if (request.status !== 200) refused[request.status] = (refused[request.status] ?? 0) + 1;
      const { operation, namespace, keys, cursor } = request;
      if (operation === "list") {
        const page = `${namespace} ${cursor}`;
        run.pages[side].set(page, (run.pages[side].get(page) ?? 0) + 1);
      } else if (operation === "bulkGet" && side === "destination") sums.destinationReads.sent++;
      else if (operation === "bulkGet") {
        const read = run.reads.get(namespace) ?? { requests: 0, keys: new Set() };
        read.requests++;
        for (const key of keys) read.keys.add(key);
        run.reads.set(namespace, read);
      } else if (operation === "bulkWrite")
        run.writes.push({ namespace: sourceOf(namespace), keys, at: performance.now() });
    },
    endRun(killedAt) {
      const isKilled = killedAt !== undefined;
      const listings = isKilled ? 1 : runs > 0 ? 3 : 2;
      for (const side of ["source", "destination"] as const) {
        for (const times of run.pages[side].values()) {
          const sum = sums.list[side];
          sum.sent += times;
          sum.fewest += Math.min(listings, times);
        }
      }
      for (const [namespace, { requests, keys }] of run.reads) {
        sums.bulkGet.sent += requests;
        const ages = [...keys].flatMap((key) => done.get(namespace)?.get(key) ?? []);
        sums.bulkGet.inFlight += Math.ceil(ages.filter((age) => age < NOTED_MS).length / READS_MAX);
        if (ages.length > 0) readAgain.push({ keys: ages.length, writtenMsBefore: Math.round(Math.max(...ages)) });
      }
      for (const { namespace, keys, at } of run.writes) {
        const written = done.get(namespace) ?? new Map<string, number>();
        done.set(namespace, written);
        for (const key of keys) written.set(key, isKilled ? killedAt - at : Number.POSITIVE_INFINITY);
        sums.bulkWrite.sent++;
      }
      for (const [namespace, { keys }] of run.reads) {
        // Read, and dead with the process before the write was answered.
        const lost = [...keys].filter((key) => done.get(namespace)?.has(key) !== true).length;
        if (isKilled) sums.bulkGet.inFlight += Math.ceil(lost / READS_MAX);
      }
      if (!isKilled && runs > 0)
        for (const { size } of done.values()) sums.bulkGet.fewest += Math.ceil(size / READS_MAX);
      runs++;
      run = newRun();
    },
    written,
    writtenNow: () => run.writes.reduce((all, { keys }) => all + keys.length, written()),
    tally() {
      for (const { size } of done.values()) {
        sums.bulkGet.fewest += Math.ceil(size / READS_MAX);
        sums.bulkWrite.fewest += Math.ceil(size / WRITES_MAX);
      }
      return {
        kinds: [
          kind("list of the source", sums.list.source),
          kind("list of the destination", sums.list.destination),
          kind("bulk get at the source", sums.bulkGet),
          kind("bulk get at the destination", sums.destinationReads),
          kind("bulk write", sums.bulkWrite),
        ],
        rateLimited,
        refused,
        readAgain,
      };
    },
  };
}

interface Sum {
  sent: number;
  fewest: number;
  inFlight: number;
}

function newSum(): Sum {
  return { sent: 0, fewest: 0, inFlight: 0 };
}

function newRun(): Run {
  return { reads: new Map(), writes: [], pages: { source: new Map(), destination: new Map() } };
}

function kind(name: string, { sent, fewest, inFlight }: Sum): KindTally {
  return { kind: name, sent, fewest, inFlight, over: sent - fewest - inFlight };
}
