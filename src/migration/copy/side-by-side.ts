// Several rounds side by side, with one gate that all of them come to when they are planned: what is found wrong in one keeps all of them
// from writing. A round that waits at the gate makes room for another one to list.

import pLimit from "p-limit";

/** A round: calls `arrive` when it is planned, goes on when that resolves, and gives up when it rejects. */
export type GatedJob<T> = (arrive: () => Promise<void>) => Promise<T>;

export interface SideBySide {
  /** How many list at a time, and how many transfer. */
  readonly lists: number;
  readonly transfers: number;
  /** Decides once, when all have arrived or ended; whoever waits goes on when it resolves. Undefined: there is nothing to decide. */
  readonly gate: (() => Promise<void>) | undefined;
}

/** The outcome of each job, in their order. A job that fails before the gate keeps it shut. */
export async function runSideBySide<T>(
  jobs: readonly GatedJob<T>[],
  { lists, transfers, gate }: SideBySide,
): Promise<readonly PromiseSettledResult<T>[]> {
  const transferring = pLimit(transfers);
  if (gate === undefined) return Promise.allSettled(jobs.map((job) => transferring(() => job(async () => {}))));
  const listing = pLimit(lists);
  const open = Promise.withResolvers<void>();
  open.promise.catch(() => undefined);
  let awaited = jobs.length;
  let isShut = false;
  const arrived = (): void => {
    if (--awaited === 0 && !isShut) gate().then(open.resolve, open.reject);
  };
  const run = async (job: GatedJob<T>): Promise<T> => {
    const listed = Promise.withResolvers<void>();
    let arrival: Promise<void> | undefined;
    let endTransfer: (() => void) | undefined;
    const wait = async (): Promise<void> => {
      listed.resolve();
      arrived();
      await open.promise;
      await new Promise<void>((begin) => {
        void transferring(() => new Promise<void>((end) => ((endTransfer = end), begin())));
      });
    };
    const arrive = (): Promise<void> => (arrival ??= wait());
    const done = Promise.withResolvers<T>();
    done.promise.then(
      () => listed.resolve(),
      () => listed.resolve(),
    );
    void listing(async () => {
      job(arrive).then(done.resolve, done.reject);
      await listed.promise;
    });
    try {
      return await done.promise;
    } catch (error) {
      if (arrival === undefined) {
        isShut = true;
        open.reject(error);
      }
      throw error;
    } finally {
      endTransfer?.();
      if (arrival === undefined) arrived();
    }
  };
  return Promise.allSettled(jobs.map(run));
}
