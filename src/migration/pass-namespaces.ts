// One pass over all namespaces of a migration, several side by side, so that the budgets of both accounts are in use at once: while one
// namespace is written, another one is read. What comes of each is in the record as soon as it is known.

import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Problem } from "../core/problem.ts";
import type { BatchPace } from "../kv/batch-ops.ts";
import type { PairDeps } from "../mapping/pair.ts";
import {
  copyNamespace,
  type PassKind,
  type PassProgress,
  type PassResult,
  type PlannedPass,
} from "./copy/copy-namespace.ts";
import { openArchivedVersions } from "./copy/archived-versions.ts";
import { identityOf, openSides, type SidesDeps } from "./copy/open-sides.ts";
import { withPatience } from "./copy/patience.ts";
import { runSideBySide } from "./copy/side-by-side.ts";
import { isGoneForGood } from "./gone-for-good.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationEvents } from "./migration-events.ts";
import type { FailureRecord, MigrationRecord } from "./migration-record.ts";
import type { MigrationStore } from "./migration-store.ts";
import type { PlannedNamespace } from "./preflight/migration-plan.ts";

export interface PassDeps extends SidesDeps {
  readonly clock: Clock;
  readonly pair: PairDeps;
  readonly signal: AbortSignal;
  readonly settleWindowMs: number;
  readonly force: boolean;
  readonly folder: Pick<MigrationFolder, "path">;
  readonly events: MigrationEvents;
}

export interface PassOptions {
  readonly kind: PassKind;
  /** See PassRequest; false unless given. */
  readonly readsStamped?: boolean;
  readonly record: MigrationRecord;
  /** Undefined: nothing is changed. Called once the gate is open. */
  readonly store: () => MigrationStore | undefined;
  /** Is told all that was found, before the first write. Rejects if nothing is to be written. */
  readonly gate?: (planned: readonly PlannedNamespace[]) => Promise<void>;
}

export interface PassOutcome {
  readonly isQuiet: boolean;
  /** By the title at the source. */
  readonly failures: ReadonlyMap<string, AppError>;
  /** Of keys, by namespace in their order. */
  readonly problems: ReadonlyMap<number, ReadonlyMap<string, string>>;
}

/** Namespaces that list at a time until the plan is whole, and that transfer at a time. One alone keeps neither budget busy while it
 * lists, or waits for a bulk write that takes seconds; each holds tens of megabytes. */
const LISTS_AT_ONCE = 8;
const TRANSFERS_AT_ONCE = 2;
/** Of all plans that wait together; a plan has 4,000 in memory where it is alone. */
const PLAN_MEMORY_ACTIONS = 8000;
/** Of the largest batch: 100 keys. */
const QUOTA_BATCH_SHARE = 0.01;
/** How often a namespace is gone over again for keys that failed in a way that may pass. */
const PASSES_MAX = 3;

/** Throws what keeps the whole of it from going on; a namespace that fails by itself is in the outcome. */
export async function passNamespaces(deps: PassDeps, options: PassOptions): Promise<PassOutcome> {
  const { record, kind, gate, store } = options;
  const planned: PlannedNamespace[] = [];
  const progress = openTotals(record.namespaces.length, deps.events, gate !== undefined);
  const problems = new Map<number, ReadonlyMap<string, string>>();
  // What was not whole yet comes first: should this run be killed, the others were not listed in vain.
  const order = [...record.namespaces.keys()].toSorted(
    (a, b) => Number(record.namespaces[a]!.isCopied) - Number(record.namespaces[b]!.isCopied),
  );
  const jobs = order.map((index) => async (arrive: () => Promise<void>): Promise<PassResult> => {
    const result = await passOne(deps, options, index, {
      onProgress: (state) => progress.update(index, state),
      onPlanned: async (one) => {
        if (gate === undefined) return;
        planned[index] = one;
        await arrive();
      },
    });
    progress.end(index);
    problems.set(index, result.problems);
    const open = store();
    if (open !== undefined) noteResult(open, index, result, { kind, events: deps.events });
    return result;
  });
  const settled = await runSideBySide(jobs, {
    lists: LISTS_AT_ONCE,
    transfers: TRANSFERS_AT_ONCE,
    gate: gate && (() => gate(planned)),
  });
  const failures = new Map<string, AppError>();
  let isQuiet = true;
  for (const [at, outcome] of settled.entries()) {
    if (outcome.status === "fulfilled") {
      isQuiet &&= outcome.value.isQuiet;
      continue;
    }
    const error: unknown = outcome.reason;
    // One that is gone for good changes no more.
    isQuiet &&= isGoneForGood(error);
    // What stops all of them is told once, and a bug is a bug.
    if (!(error instanceof AppError) || deps.signal.aborted || store() === undefined) throw error;
    const index = order[at]!;
    failures.set(record.namespaces[index]!.source.title, error);
    store()?.setNamespace(index, { failure: failureOf(error, deps.clock) });
  }
  return { isQuiet, failures, problems };
}

export function failureOf({ code, message }: AppError, clock: Clock): FailureRecord {
  return { code, message, at: clock.now() };
}

interface OnePass {
  readonly onProgress: (state: PassProgress) => void;
  readonly onPlanned: (planned: PlannedNamespace) => Promise<void>;
}

/** One namespace, gone over again while that may help. */
async function passOne(deps: PassDeps, options: PassOptions, index: number, on: OnePass): Promise<PassResult> {
  const { kind, record, store, gate } = options;
  const of = record.namespaces[index]!;
  const { title } = of.source;
  // A plan that waits for what is decided about all of them is not made anew.
  let stage: "listing" | "waiting" | "open" = gate === undefined ? "open" : "listing";
  let bad = { keys: 0, first: undefined as string | undefined };
  const onProblem = (problem: Problem): void => {
    if (stage !== "open" && BAD_KEYS.has(problem.code)) {
      bad = { keys: bad.keys + 1, first: bad.first ?? `${visible(problem.subject)} ${problem.message}` };
      return;
    }
    deps.events.onProblem(title, problem);
  };
  const onPlanned = async (pass: PlannedPass): Promise<void> => {
    if (stage === "open") return;
    stage = "waiting";
    const before = { keys: pass.destination.keys, archive: null };
    await on.onPlanned({ record: { ...of, before }, pass, badKeys: bad.keys, badKey: bad.first });
    stage = "open";
  };
  const destinationId = () => store()?.current().namespaces[index]!.destination.id ?? of.destination.id;
  let pace: BatchPace | undefined;
  const once = async (spool: number): Promise<PassResult> => {
    const sides = openSides(deps, record.asked, {
      source: of.source,
      destination: of.destination,
      destinationId,
      pace,
    });
    const { archive } = (store()?.current() ?? record).namespaces[index]!.before;
    const archived =
      kind === "first" && record.accepted.includes("overwrite") && archive !== null
        ? await openArchivedVersions(deps, join(deps.folder.path, archive))
        : undefined;
    try {
      return await copyNamespace(deps.pair, sides, {
        kind,
        readsStamped: options.readsStamped === true,
        name: `migration ${record.name}: ${title}`,
        identity: identityOf(record, of.source.id),
        settleWindowMs: deps.settleWindowMs,
        // What it would overwrite is seen in its plan, which the gate lets pass or not.
        mayOverwrite: stage !== "open" || (archived?.holds ?? false),
        force: deps.force,
        dryRun: false,
        spool,
        planMemoryActions: Math.floor(PLAN_MEMORY_ACTIONS / record.namespaces.length),
        signal: deps.signal,
        onPlanned,
        onProblem,
        onProgress: on.onProgress,
      });
    } finally {
      archived?.close();
      await sides.close();
    }
  };
  const patience = {
    clock: deps.clock,
    signal: deps.signal,
    mayRetry: () => stage !== "waiting",
    onRetry: (error: AppError, waitMs: number) => {
      bad = { keys: 0, first: undefined };
      deps.events.onRetry(title, error, waitMs);
    },
  };
  // Ids of plans begin at 1, and each namespace has one of its own.
  const pass = async (): Promise<PassResult> => {
    for (;;) {
      try {
        return await once(index + 1);
      } catch (error) {
        const isQuota = error instanceof AppError && error.code === "quota-exhausted";
        if (!isQuota || stage !== "open" || (pace?.size.share ?? 1) <= QUOTA_BATCH_SHARE) throw error;
        // A batch that is larger than what is left of the day's quota is refused as a whole: what is left is used by small ones.
        pace = { size: { share: QUOTA_BATCH_SHARE, safe: QUOTA_BATCH_SHARE } };
      }
    }
  };
  let result = await withPatience(patience, pass);
  for (let passes = 1; result.mayHelpAgain && passes < PASSES_MAX; passes++) {
    await deps.clock.sleep(deps.settleWindowMs / PASSES_MAX, deps.signal);
    result = added(result, await withPatience(patience, pass));
  }
  if (result.trip !== undefined) throw held(title, record.name);
  return result;
}

/** Keys that a plan cannot have. */
const BAD_KEYS: ReadonlySet<Problem["code"]> = new Set(["key-invalid", "name-collision", "metadata-invalid"]);

/** Both passes as one: what the first of them wrote, the second found equal. */
function added(before: PassResult, { counts, ...result }: PassResult): PassResult {
  const written = before.counts.written + counts.written;
  const removed = before.counts.removed + counts.removed;
  const gone = Math.max(before.counts.gone, counts.gone);
  const unchanged = Math.max(0, counts.unchanged - before.counts.written);
  return {
    ...result,
    isQuiet: before.isQuiet && result.isQuiet,
    counts: { ...counts, written, removed, unchanged, gone },
  };
}

function noteResult(
  store: MigrationStore,
  index: number,
  { counts }: PassResult,
  { kind, events }: { readonly kind: PassKind; readonly events: MigrationEvents },
): void {
  const before = store.current().namespaces[index]!;
  const changed = counts.written + counts.removed;
  const total = {
    ...counts,
    // What was equal before any of it was written.
    unchanged: kind === "first" || !before.isCopied ? counts.unchanged : before.counts.unchanged,
    written: before.counts.written + counts.written,
    removed: before.counts.removed + counts.removed,
  };
  store.setNamespace(index, { counts: total, isCopied: true, failure: null });
  events.onPassed(store.current().namespaces[index]!, { isFirst: kind === "first", changed, counts });
}

function held(title: string, name: string): AppError {
  return new AppError(
    "held",
    `"${visible(title)}" is held: so much is gone at the source that an accident is likelier, and none of it was removed from the destination`,
    {
      hint: `look at the source; to let it pass, type the kvsync migrate command of "${visible(name)}" again with --force`,
    },
  );
}

interface Totals {
  update(index: number, state: PassProgress): void;
  end(index: number): void;
}

/** The progress of all namespaces together. */
function openTotals(namespaces: number, events: MigrationEvents, isGated: boolean): Totals {
  const states = new Map<number, PassProgress>();
  let namespacesDone = 0;
  const tell = (): void => {
    const all = [...states.values()];
    const moving = all.filter(({ phase }) => phase !== "compare");
    const compared = isGated ? sum(all, ({ phase, keys }) => (phase === "compare" ? keys : 0)) : 0;
    const isListing = moving.length === 0;
    const keys = isListing ? compared : sum(moving, (state) => state.keys);
    // Of those that wait for their turn, no more is known than how many keys were compared.
    const keysTotal = sum(moving, (state) => state.keysTotal ?? 0) + compared;
    const bytes = sum(moving, (state) => state.bytes);
    events.onProgress({
      phase: isListing ? "listing" : "copying",
      namespaces,
      namespacesDone,
      keys,
      keysTotal: isListing ? undefined : keysTotal,
      bytes,
    });
  };
  return {
    update(index, state) {
      states.set(index, state);
      tell();
    },
    end() {
      namespacesDone++;
      tell();
    },
  };
}

function sum(of: readonly PassProgress[], number: (state: PassProgress) => number): number {
  return of.reduce((total, state) => total + number(state), 0);
}
