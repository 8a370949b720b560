// A migration from where it stands to its end: preflight and plan, what the destination held kept, namespaces created, all keys copied; then
// the source followed until the cut-over, where that is asked for; and the proof. It may be killed at any moment: the record says
// in which state it is, the base which keys are copied, and the next run goes on from there.

import type { AppError } from "../core/errors.ts";
import type { Namespace } from "../kv/kv-api.ts";
import type { Begun } from "./begin-migration.ts";
import { checkClock } from "./check-clock.ts";
import { createNamespaces } from "./create-namespaces.ts";
import { followSource } from "./follow-source.ts";
import { writeIdMap } from "./id-map.ts";
import { keepDestination } from "./keep-destination.ts";
import { areGoneForGood } from "./gone-for-good.ts";
import { type Newcomers, takeInNewcomers } from "./newcomers.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationRecord, MigrationState } from "./migration-record.ts";
import { type MigrationStore, openMigrationStore } from "./migration-store.ts";
import { type PassDeps, passNamespaces, type PassOutcome } from "./pass-namespaces.ts";
import { isStopped } from "./preflight/judge-preflight.ts";
import { type MigrationPlan, planMigration, type PlannedNamespace } from "./preflight/migration-plan.ts";
import type { ProofOutcome, ToProve } from "./prove-migration.ts";
import { checkPlanFile } from "./preflight/plan-file.ts";
import { mayWrite } from "./preflight/probe-token.ts";
import { openSides } from "./copy/open-sides.ts";
import { type PatienceDeps, withPatience } from "./copy/patience.ts";
import type { RequestWatch } from "./watch-requests.ts";

export interface RunDeps extends PassDeps {
  readonly folder: MigrationFolder;
  readonly requests: RequestWatch;
  /** Between two looks at a source that is followed. */
  readonly intervalMs: number;
  /** `kvsync 0.1.0` */
  readonly by: string;
  /** Compares both sides, and writes the report. */
  readonly prove: (deps: PassDeps, store: MigrationStore, outcome: ToProve) => Promise<ProofOutcome>;
}

export interface RunOptions {
  readonly dryRun: boolean;
  /** A saved plan that is to be done. */
  readonly planFile: string | undefined;
  /** The part of the values that the proof reads. */
  readonly proofShare: number;
}

export type Ended =
  /** Nothing was written: it was a dry run, or something stands in the way. */
  | {
      readonly kind: "planned";
      readonly plan: MigrationPlan;
      readonly isStopped: boolean;
      readonly news: readonly string[];
    }
  /** `outcome`: of the last pass. */
  | { readonly kind: "ran"; readonly record: MigrationRecord; readonly outcome: PassOutcome };

export async function runMigration(deps: RunDeps, begun: Begun, options: RunOptions): Promise<Ended> {
  const { record, isResumed } = begun;
  let store: MigrationStore | undefined;
  const setState = (state: MigrationState): void => {
    if (store!.current().state === state) return;
    store!.set({ state });
    deps.events.onState(state);
  };
  if (isResumed) {
    store = openMigrationStore({ folder: deps.folder, clock: deps.clock }, record);
    deps.events.onState(record.state);
    await takeIn(deps, store, record.state === "copying");
  }
  let outcome: PassOutcome = NOTHING;
  if (!isResumed || record.state === "copying") {
    const first = await copyAll(deps, begun, options, {
      store: () => store,
      open: async () => {
        store = openMigrationStore({ folder: deps.folder, clock: deps.clock }, store?.current() ?? record);
        return store;
      },
    });
    if ("plan" in first) return first;
    outcome = first.outcome;
    if (!areGoneForGood(outcome.failures)) return { kind: "ran", record: store!.current(), outcome };
  }
  const open = store!;
  const pass = ({ isLast }: { readonly isLast: boolean }): Promise<PassOutcome> =>
    passNamespaces(deps, { kind: "again", readsStamped: isLast, record: open.current(), store: () => open });
  if (open.current().follow && open.current().state !== "proving") {
    outcome = await followSource({ ...deps, store: open, setState, pass });
  } else if (isResumed) {
    // What was copied in the runs before may have changed at the source since, and nothing but its value may tell of it.
    if (open.current().state === "copying") setState("catching-up");
    outcome = await pass({ isLast: true });
  }
  if (!areGoneForGood(outcome.failures)) return { kind: "ran", record: open.current(), outcome };
  let late = await takeIn(deps, open, false);
  for (; late.taken > 0; late = await takeIn(deps, open, false)) {
    outcome = await pass({ isLast: true });
    if (!areGoneForGood(outcome.failures)) return { kind: "ran", record: open.current(), outcome };
  }
  // It may have been set since.
  checkClock([deps.source, deps.destination]);
  setState("proving");
  const { failures } = await deps.prove(deps, open, { ...outcome, refused: late.refused });
  const refused = late.refused.map(({ source, error }) => [source.title, error] as const);
  outcome = { ...outcome, failures: new Map([...failures, ...refused]) };
  open.set({ endedAt: deps.clock.now() });
  setState("done");
  // What was asked of it is done; it is not meant for whoever carries over later changes.
  deps.folder.clearRequests();
  return { kind: "ran", record: open.current(), outcome };
}

const NOTHING: PassOutcome = { isQuiet: true, failures: new Map<string, AppError>(), problems: new Map() };

interface Opening {
  readonly store: () => MigrationStore | undefined;
  readonly open: () => Promise<MigrationStore>;
}

type Planned = Extract<Ended, { readonly kind: "planned" }>;

/** The first pass. A migration that was begun before has been planned and let pass. */
async function copyAll(
  deps: RunDeps,
  { record, isResumed, someNamespace }: Begun,
  options: RunOptions,
  { store, open }: Opening,
): Promise<Planned | { readonly outcome: PassOutcome }> {
  if (isResumed) return { outcome: await passNamespaces(deps, { kind: "first", record: store()!.current(), store }) };
  let ended: Planned | undefined;
  const gate = async (planned: readonly PlannedNamespace[]): Promise<void> => {
    // Last: a client that was refused for its token sends nothing more.
    const isWritable = await withPatience(patienceOf(deps), () =>
      mayWrite(deps.destination.api, someNamespace?.id, { signal: deps.signal }),
    );
    const plan = planMigration(planned, {
      mayWrite: isWritable,
      source: deps.source.config,
      destination: deps.destination.config,
      isSameAccount: isSameAccount(record),
      proofShare: options.proofShare,
    });
    const news =
      options.planFile === undefined || options.dryRun ? [] : checkPlanFile(options.planFile, record.asked, plan);
    deps.events.onPlanned(plan);
    const isHeld = isStopped(plan.findings, record.accepted);
    if (options.dryRun || isHeld) {
      ended = { kind: "planned", plan, isStopped: isHeld, news };
      throw new PlannedOnly();
    }
    const opened = await open();
    opened.set({ state: "copying", namespaces: planned.map((one) => one.record) });
    deps.events.onState("copying");
    await prepare(deps, opened);
  };
  try {
    return { outcome: await passNamespaces(deps, { kind: "first", record, store, gate }) };
  } catch (error) {
    if (error instanceof PlannedOnly && ended !== undefined) return ended;
    throw error;
  }
}

/** Ends rounds that are not to be carried out; it is no failure. */
class PlannedOnly extends Error {
  override readonly name = "PlannedOnly";
}

function isSameAccount({ asked: { source, destination } }: MigrationRecord): boolean {
  return source.api === destination.api && source.accountId === destination.accountId;
}

function patienceOf({ clock, signal, events, destination }: RunDeps): PatienceDeps {
  return {
    clock,
    signal,
    mayRetry: () => true,
    onRetry: (error, waitMs) => events.onRetry(destination.name, error, waitMs),
  };
}

/** Namespaces that have come to the source since are made at the destination, too. */
async function takeIn(deps: RunDeps, store: MigrationStore, isUnprepared: boolean): Promise<Newcomers> {
  const newcomers = await withPatience(patienceOf(deps), () => takeInNewcomers(deps, store));
  if (newcomers.taken > 0 || isUnprepared) await prepare(deps, store);
  return newcomers;
}

/** Keeps what destinations hold, and creates those that are missing. What was done is not done again. */
function prepare(deps: RunDeps, store: MigrationStore): Promise<void> {
  return withPatience(patienceOf(deps), () => prepareOnce(deps, store));
}

async function prepareOnce(deps: RunDeps, store: MigrationStore): Promise<void> {
  const { clock, folder, signal, by, events, destination } = deps;
  for (const [index, { source, destination: to, before }] of store.current().namespaces.entries()) {
    if (before.keys === 0 || before.archive !== null || to.id === null) continue;
    const id = to.id;
    const sides = openSides(deps, store.current().asked, { source, destination: to, destinationId: () => id });
    try {
      const archive = await keepDestination(
        { clock, folder, signal, by },
        { destination: sides.destination, namespaceId: id, startedAt: store.current().startedAt },
      );
      store.setNamespace(index, { before: { ...before, archive } });
      events.onKept(source.title, archive, before.keys);
    } finally {
      await sides.close();
    }
  }
  await createNamespaces({
    api: destination.api,
    account: destination.name,
    store,
    signal,
    onCreated: (namespace: Namespace) => events.onCreated(namespace),
  });
  writeIdMap(folder, store.current());
}
