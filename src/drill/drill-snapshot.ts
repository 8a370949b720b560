// A drill: a snapshot is restored into an embedded server of its own, by the same round that restores it to an account, and all
// of it is listed and read back and held against the snapshot. The values lie on disk meanwhile, in a folder that is removed afterwards.

import { join } from "node:path";
import { openPrivateAccount } from "../accounts/private-account.ts";
import type { ItemReader, StoredSnapshot } from "../backup/repository/repository.ts";
import { openPageCache, openSnapshotPages } from "../backup/snapshot/snapshot-pages.ts";
import { openSnapshotReplica } from "../backup/snapshot/snapshot-replica.ts";
import { type ByteCount, type Clock, type DurationMs, type EpochSeconds, toEpochSeconds } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { RequestCounts } from "../kv/kv-api.ts";
import { type Fill, fillNamespace } from "../mapping/fill-namespace.ts";
import { withoutExpired } from "../replica/archive/without-expired.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import type { Replica } from "../replica/replica.ts";
import { compareRestored, type Comparison } from "./compare-restored.ts";
import { openDrillFolder } from "./drill-folder.ts";

export interface DrillDeps {
  readonly clock: Clock;
  /** Of the repository; stays the caller's. */
  readonly reader: ItemReader;
  /** Where a folder is made for the values meanwhile. */
  readonly folder: string;
}

export interface DrillRequest {
  readonly snapshot: StoredSnapshot;
  /** For people: `./backups@3f2a9c41`. */
  readonly label: string;
  readonly signal: AbortSignal;
  /** Is told each key that did not come back as it was, and (no failure) each that has expired. */
  readonly onFinding: (finding: Problem) => void;
  readonly onProgress: (progress: DrillProgress) => void;
}

interface DrillProgress {
  readonly phase: "restoring" | "comparing";
  readonly keys: number;
  readonly keysTotal: number;
  readonly bytes: ByteCount;
}

export interface DrillReport extends Comparison {
  /** "proven": all came back as it was. "incomplete": keys did not come back. "different": something came back otherwise, or the
   * pages are not those that the snapshot's content root is of. */
  readonly verdict: "proven" | "incomplete" | "different";
  readonly requests: RequestCounts;
  readonly durationMs: DurationMs;
}

/** Throws AppError "disk-full" before it begins if the folder has no room for the values, "io", and what the repository's store fails
 * with. */
export async function drillSnapshot(deps: DrillDeps, request: DrillRequest): Promise<DrillReport> {
  const { clock } = deps;
  const { snapshot, signal } = request;
  const startedAt = clock.monotonic();
  const folder = openDrillFolder(deps.folder, roomFor(snapshot));
  try {
    const database = join(folder.path, "kv.sqlite");
    const account = await openPrivateAccount(clock, { database, accountId: "drill" });
    const { api, pace } = account;
    try {
      const { id: namespaceId } = await api.createNamespace("drill");
      const label = "the drill's namespace";
      const replica = openNamespaceReplica({ clock, api, namespaceId, pace, readBytesMax: READ_BYTES_MAX, label });
      const until = (toEpochSeconds(clock.now()) + EXPIRATION_AHEAD_SECONDS_MIN) as EpochSeconds;
      const whyLost = await restore({ ...deps, folder: folder.path, until, replica }, request);
      const pages = openSnapshotPages(snapshot, openPageCache(deps.reader));
      const comparison = await compareRestored(
        { clock, snapshot, pages, replica, until, whyLost },
        {
          signal,
          onFinding: request.onFinding,
          onCompared: (keys, bytes) =>
            request.onProgress({ phase: "comparing", keys, keysTotal: snapshot.entries, bytes }),
        },
      );
      const verdict = verdictOn(comparison, request);
      return { ...comparison, verdict, requests: api.counts(), durationMs: clock.monotonic() - startedAt };
    } finally {
      await account.close();
    }
  } finally {
    folder.close();
  }
}

/** One value of the largest size: the server, which shares the memory of this process, holds it too. */
const READ_BYTES_MAX: ByteCount = 32_000_000;

/** SQLite leaves up to half of a page of 16 KiB empty; a row of the journal and one of the server come with each key. */
function roomFor({ bytes, entries }: StoredSnapshot): ByteCount {
  const values = bytes < entries * LARGE_VALUE_BYTES ? bytes * 2 : bytes * 1.25;
  return Math.ceil(values) + entries * ROW_BYTES + LOG_BYTES;
}

const LARGE_VALUE_BYTES: ByteCount = 65_536;
/** With metadata of some hundred bytes. */
const ROW_BYTES: ByteCount = 1500;
/** The write-ahead logs. */
const LOG_BYTES: ByteCount = 150_000_000;

interface RestoreDeps extends DrillDeps {
  readonly until: EpochSeconds;
  readonly replica: Replica;
}

/** Reasons beyond these are forgotten: the keys are told all the same. */
const REASONS_MAX = 10_000;

/** Resolves with what it said of keys that it could not write. */
async function restore(
  { clock, reader, folder, until, replica }: RestoreDeps,
  { snapshot, label, signal, onProgress }: DrillRequest,
): Promise<(key: Key) => string | undefined> {
  const reasons = new Map<string, string>();
  const fill: Fill = {
    source: withoutExpired(openSnapshotReplica({ clock, snapshot, reader, label }), until).replica,
    namespace: replica,
    signal,
    onProblem: ({ subject, message }) => {
      if (reasons.size < REASONS_MAX) reasons.set(subject, message);
    },
    onWritten: ({ keys, bytes }) => onProgress({ phase: "restoring", keys, keysTotal: snapshot.entries, bytes }),
  };
  await fillNamespace({ clock, folder }, fill);
  return (key) => reasons.get(key);
}

function verdictOn(comparison: Comparison, { snapshot, label, onFinding }: DrillRequest): DrillReport["verdict"] {
  const { equal, skipped, lost, different, root } = comparison;
  const isOtherRoot = root !== undefined && root !== snapshot.root;
  if (isOtherRoot) onFinding(problem("differs", label, otherRoot(root, snapshot.root)));
  if (lost > 0 || root === undefined) return "incomplete";
  return different > 0 || isOtherRoot || equal + skipped !== snapshot.entries ? "different" : "proven";
}

function otherRoot(root: string, stated: string): string {
  return `its pages are not those that it was made of: their content root is ${root}, and the snapshot says ${stated}`;
}
