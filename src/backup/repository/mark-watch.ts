// Marks, watched while a run stores and relies on items (docs/repository-format.md, "Marks"): they are listed again each hour, and before a
// snapshot is written. What was marked since may be removed a grace later, so nothing holds if more than half of that passed
// between two listings, be it that this machine slept.

import pLimit from "p-limit";
import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { packName } from "../format/object-names.ts";
import { STORE_CALLS, type CallOptions } from "../store/store.ts";
import type { IndexDatabase } from "./index-database.ts";
import { listMarks, type MarksListing } from "./load-index.ts";
import type { ObjectId, Repository } from "./repository.ts";

export const GRACE_MS: DurationMs = 86_400_000;
const LISTED_AGAIN_MS: DurationMs = 3_600_000;

export const AGAIN = "start it again: it goes on with what is stored";

export interface MarkWatch {
  /** Whether an hour passed since the last listing. */
  isDue(): boolean;
  /** Lists marks, and tells the database of them. The packs that are marked since the last time. Throws AppError
   * "repository-refused" if the last listing is too long ago. */
  look(): Promise<readonly ObjectId[]>;
  /** The packs that are relied on and are not there, or not whole. They count as marked from now on. A pack that was seen within the hour is
   * not asked for again. */
  gone(): Promise<readonly ObjectId[]>;
  /** Throws AppError "repository-refused" if the last listing is too long before `at`, by the store's clock. Default: now. */
  check(at?: EpochMs): Promise<void>;
}

interface Deps extends CallOptions {
  readonly repository: Repository;
  readonly database: IndexDatabase;
  readonly clock: Clock;
  /** That came with the index. */
  readonly listed: MarksListing;
}

export function openMarkWatch({ repository, database, clock, listed, signal }: Deps): MarkWatch {
  const { store } = repository;
  const seen = new Map<ObjectId, MonotonicMs>();
  let last = listed;
  const checkAge = (now: MarksListing): void => {
    // A machine that sleeps stops its monotonic clock, and the store's clock goes on.
    const age = Math.max(now.here - last.here, now.store - last.store);
    if (age <= GRACE_MS / 2) return;
    const hours = Math.round(age / 3_600_000);
    const message = `what this run relies on in ${repository.label} was last looked after ${hours} hours ago: prune may have removed it meanwhile`;
    throw new AppError("repository-refused", message, {
      hint: AGAIN,
      retryable: true,
    });
  };
  return {
    isDue: () => clock.monotonic() - last.here >= LISTED_AGAIN_MS,
    async look() {
      const next = await listMarks(store, { clock, signal });
      checkAge(next.listed);
      last = next.listed;
      return next.marks.filter((pack) => database.mark(pack));
    },
    async gone() {
      const now = clock.monotonic();
      for (const [pack, at] of seen) if (now - at >= LISTED_AGAIN_MS) seen.delete(pack);
      const packs = database.reliance.packs().filter(({ pack }) => !seen.has(pack));
      const found = await pLimit(STORE_CALLS).map(packs, ({ pack }) => store.head(packName(pack), { signal }));
      const gone = packs.filter(({ size }, i) => found[i]?.size !== size).map(({ pack }) => pack);
      for (const { pack } of packs) seen.set(pack, now);
      for (const pack of gone) database.mark(pack);
      return gone;
    },
    async check(at) {
      checkAge({ here: clock.monotonic(), store: at ?? (await store.now({ signal })) });
    },
  };
}
