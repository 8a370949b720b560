// One round for each of several mappings: push, pull, sync and diff. All of them go the daemon's road, with its guards, its
// memory of what folder and namespace were, and its history; they differ in the way that a mapping is carried. A mapping
// that fails does not keep the others from theirs.

import { existsSync } from "node:fs";
import type { MappingConfig, Mode } from "../../config/config.ts";
import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderRemote } from "../../core/prefix.ts";
import { decodeHoldReason, renderHoldAdvice, renderHoldReason } from "../../mapping/hold-reason.ts";
import { openMappingRounds } from "../../mapping/mapping-rounds.ts";
import type { PairDeps } from "../../mapping/pair.ts";
import type { AccountsPort, RoundReport } from "../../mapping/round-port.ts";
import { type Journal, openJournal, openScratchJournal } from "../../journal/journal.ts";
import { awaitStateLock } from "../../journal/lock.ts";
import { stateCheck } from "../../journal/state-file.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import type { PlanFileWriter } from "../../mapping/plan-file.ts";
import type { RoundEvents } from "../../engine/round-request.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { checkPlaces, followEvents, type FollowedPlan, isApplied, isToCreate, plannedPlaces } from "./followed-plan.ts";
import { type NamespacePlace, namespacePlace } from "../../mapping/place.ts";
import type { Context } from "../context.ts";
import { EXIT, exitCodeOf, type ExitCode, worstExitCode } from "../exit-code.ts";
import { growHeapFreely } from "../process/launch.ts";
import { shellWord } from "../../core/shell-word.ts";
import { type Held } from "../render/render-held.ts";
import { countRequests } from "../render/request-counts.ts";
import { leaveOutPaused, refusePaused } from "./leave-out-paused.ts";
import { runRoundHooks } from "./round-hooks.ts";
import { type Found, openRoundReport } from "../render/round-report.ts";
import type { ContentOptions } from "../render/show-contents.ts";
import type { RestWait } from "../../replica/with-rest.ts";
import { watchForSecrets } from "../render/secret-warning.ts";
import { selectMappings } from "../input/select-mappings.ts";

export interface MappingsRun {
  readonly command: "push" | "pull" | "sync" | "diff" | "plan" | "apply";
  /** How a mapping is carried: a push or pull of a two-way mapping is one way on purpose. */
  readonly modeOf: (mapping: MappingConfig) => Mode;
  readonly dryRun: boolean;
  readonly force: boolean;
  /** Carry named mappings against their mode. */
  readonly againstMode?: boolean;
  /** Show every line. */
  readonly all: boolean;
  /** Show how values differ. */
  readonly content?: ContentOptions | undefined;
  /** Keep the plans here. */
  readonly save?: SavedPlans | undefined;
  /** Do what this plan says, and nothing else. */
  readonly follow?: FollowedPlan | undefined;
}

export interface SavedPlans {
  readonly file: PlanFileWriter;
  /** The command that carries them out. */
  readonly apply: string;
}

/** What the sides of a mapping's round are called. */
const SIDES = {
  push: { source: "the folder", destination: "the namespace" },
  pull: { source: "the namespace", destination: "the folder" },
} as const;

/** What carries a mapping as its mode says. */
const COMMANDS = { push: "push", pull: "pull", "two-way": "sync" } as const;

/** Commands that carry what they show; what the others show is carried by that of the mapping's mode. */
const CARRIES: ReadonlySet<MappingsRun["command"]> = new Set(["push", "pull", "sync"]);

const ARROWS = { push: "->", pull: "<-", "two-way": "<->" } as const;

/** Runs the mappings of these names, or those of the command's mode, one after the other. Returns the worst exit code. */
export async function runMappings(context: Context, names: readonly string[], run: MappingsRun): Promise<ExitCode> {
  if (run.command === "pull") growHeapFreely();
  const config = await context.config();
  const { command, againstMode = false } = run;
  const isNamed = names.length > 0;
  const selection = selectMappings(await context.mappings(names), { command, isNamed, againstMode });
  for (const { name, mode } of selection.leftOut)
    context.output.note(
      `left out: ${visible(name)}, whose mode is ${mode}. Carry it with: kvsync sync ${visible(name)}`,
    );
  const state = await openState(context, config.stateDir, run.dryRun);
  try {
    const { journal } = state.deps;
    if (isNamed && !run.dryRun) refusePaused(journal, names);
    const carried = selection.carried;
    const mappings = isNamed || run.dryRun ? carried : leaveOutPaused(context, { journal, command }, carried);
    const codes: ExitCode[] = [];
    for (const mapping of mappings) {
      const mode = run.modeOf(mapping);
      const create = mapping.create && (run.follow === undefined || isToCreate(run.follow.places));
      codes.push(await runMapping(context, state.deps, { ...mapping, mode, create }, run, mappings.length > 1));
    }
    return worstExitCode(codes);
  } catch (thrown) {
    const error = operationErrorOf(thrown) ?? thrown;
    if (run.dryRun || !(error instanceof AppError) || error.code !== "state-damaged") throw error;
    state.close(true);
    throw error;
  } finally {
    state.close();
  }
}

/** The journal, under the state lock unless nothing is to be changed. */
export async function openState(
  context: Context,
  stateDir: string,
  look: boolean,
): Promise<{ readonly deps: PairDeps; close(isDamaged?: boolean): void }> {
  const { clock, output } = context;
  const lock = look
    ? undefined
    : await awaitStateLock(stateDir, { clock, signal: context.signal, waitMs: context.lockTimeoutMs });
  let journal: Journal;
  try {
    journal = openJournal({ stateDir, clock, mayReplace: !look });
  } catch (error) {
    lock?.close();
    throw error;
  }
  const scratch = openScratchJournal();
  if (journal.replaced !== undefined) {
    output.warn(`the journal was damaged and has been put aside as ${journal.replaced}; this round deletes nothing`);
  }
  let isClosed = false;
  const checkState = lock && stateCheck(lock, journal);
  return {
    deps: { clock, journal, scratch, stateDir, checkState, wait: restWait(output) },
    close(isDamaged = false) {
      if (isClosed) return;
      isClosed = true;
      scratch.close();
      journal.close();
      if (isDamaged) {
        const fresh = openJournal({ stateDir, clock, isDamaged: true });
        output.warn(
          `the journal is damaged and has been put aside as ${fresh.replaced}; run again: nothing is deleted then`,
        );
        fresh.close();
      }
      lock?.close();
    },
  };
}

/** A run waits for files that are being written, and tells so when it takes long; what never rests is carried as it is. */
function restWait(output: Context["output"]): RestWait {
  return {
    after: "let-pass",
    onLong: (key, others) => {
      const more = others === 0 ? ", which is" : ` and ${counted(others, "other")}, which are`;
      output.note(`waiting for ${visible(key)}${more} still being written`);
    },
  };
}

async function runMapping(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  run: MappingsRun,
  hasOthers: boolean,
): Promise<ExitCode> {
  try {
    return await runRound(context, deps, mapping, run);
  } catch (error) {
    const isOver = !(error instanceof AppError) || error.code === "state-damaged" || error.code === "state-removed";
    if (!hasOthers || isOver || context.signal.aborted) throw error;
    context.tellFailure(error, mapping.name);
    return exitCodeOf(error);
  }
}

async function runRound(
  context: Context,
  deps: PairDeps,
  mapping: MappingConfig,
  { command, dryRun, force, all, content, save, follow, againstMode = false }: MappingsRun,
): Promise<ExitCode> {
  if (follow !== undefined && isApplied(deps.journal, follow)) return EXIT.done;
  const { name, mode, folder, namespace, prefix } = mapping;
  const startedAt = context.clock.monotonic();
  const account = await context.account(mapping.account);
  const requests = countRequests([account.api]);
  const hasFolder = existsSync(folder);
  const accounts: AccountsPort = { open: async () => account, renew: async () => {} };
  const config = await context.config();
  const rounds = openMappingRounds({ ...deps, mapping, accounts, config: () => config, spool: 1 });
  const report = openRoundReport(context, {
    command,
    mapping: name,
    account: account.name,
    namespace,
    route: `${folder} ${ARROWS[mode]} ${renderRemote(account.name, namespace, prefix)}`,
    dryRun,
    again: () =>
      follow?.apply ??
      save?.apply ??
      `kvsync ${CARRIES.has(command) ? command : COMMANDS[mode]} ${shellWord(name)}${againstMode ? " --against-mode" : ""}`,
    startedAt,
    compares: command === "diff" || command === "plan",
    all,
    content,
    twoWay: mode === "two-way",
    sides: SIDES[mode === "pull" ? "pull" : "push"],
  });
  let places: readonly NamespacePlace[] = [];
  const onOpened = (found: Namespace | undefined): void => {
    places = [namespacePlace(account.config, found?.id, prefix)];
    if (follow !== undefined) checkPlaces(follow, places);
  };
  const onPlan: RoundEvents["onPlan"] = (plan) =>
    save?.file.add({ mapping: name, mode, account: account.name, namespace, places: plannedPlaces(places) }, plan);
  const secrets = mode !== "pull" && !dryRun ? watchForSecrets(report.events) : undefined;
  const events = alsoOnPlan(secrets?.events ?? report.events, onPlan);
  const following = follow && followEvents(follow, events);
  try {
    const heldBefore = rounds.hold()?.plan;
    const round = await rounds.full({
      signal: context.signal,
      events: following?.events ?? events,
      dryRun,
      force,
      onOpened,
      identify: save !== undefined,
      ...(follow !== undefined && { follow: follow.actions }),
    });
    if (!dryRun) following?.noteApplied(deps);
    secrets?.warn(context.output);
    const held = follow === undefined ? heldOf(round) : withoutAdvice(heldOf(round));
    const { removesLater } = round;
    const later = removesLater && { keys: removesLater.keys, inMs: msUntil(removesLater.dueAt, context.clock) };
    const found = { held, later: later ?? undefined, creates: dryRun ? lackOf(mapping, round, hasFolder) : undefined };
    const code = report.finish(round.result, requests(), found);
    const hooks = dryRun ? EXIT.done : await runRoundHooks(context, { mapping, config }, round, heldBefore);
    const { conflicts } = round.result;
    const waits = isWaiting(mapping, command, conflicts);
    if (waits)
      context.keepFailure(new AppError("conflicts", `${visible(name)}: ${conflicts} conflicts wait to be decided`));
    // Also where nothing of it is planned now: what could not be looked at may be what it is held for.
    const holding = round.hold === undefined ? EXIT.done : EXIT.held;
    return worstExitCode([code, hooks, waits ? EXIT.conflicts : EXIT.done, holding]);
  } finally {
    report.close();
    await rounds.close();
  }
}

/** `events`, which tells `onPlan` besides. */
export function alsoOnPlan(events: RoundEvents, onPlan: NonNullable<RoundEvents["onPlan"]>): RoundEvents {
  return {
    ...events,
    onPlan: async (plan, sides) => {
      await events.onPlan?.(plan, sides);
      await onPlan(plan, sides);
    },
  };
}

function msUntil(at: EpochMs, clock: Clock): DurationMs {
  return Math.max(0, at - clock.now());
}

/** Why the round is held, or would be, with all that a mapping knows of it. */
function heldOf({ hold, foretold }: RoundReport): Held | undefined {
  const reason = hold === undefined ? foretold : decodeHoldReason(hold.reason);
  if (reason === undefined) return undefined;
  const { guard } = reason;
  return { guard, reason: renderHoldReason(reason), advice: renderHoldAdvice(reason), plan: hold?.plan };
}

/** Putting back what was there ends the hold of a mapping; of a plan it makes one that no longer fits. */
function withoutAdvice(held: Held | undefined): Held | undefined {
  return held && { ...held, advice: undefined };
}

/** What a round that is not dry would create. */
function lackOf({ namespace, folder }: MappingConfig, round: RoundReport, hasFolder: boolean): Found["creates"] {
  if (round.namespace === undefined) return { kind: "namespace", name: namespace };
  return hasFolder ? undefined : { kind: "folder", name: folder };
}

/** Conflicts wait where the config says that a person is to decide them. */
function isWaiting({ mode, conflict }: MappingConfig, command: MappingsRun["command"], conflicts: number): boolean {
  return (command === "sync" || command === "apply") && mode === "two-way" && conflict === "hold" && conflicts > 0;
}
