// One round between any two locations: copy, check, and diff of locations.

import { type EpochMs, type EpochSeconds, type MonotonicMs, toEpochSeconds } from "../../core/clock.ts";
import type { Config } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter, type KeyFilter } from "../../core/filter.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../../core/rest.ts";
import { MovingFiles } from "../../replica/moving-files.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../../core/limits.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { runPairRound } from "../../mapping/pair.ts";
import { openTrashIndex } from "../../journal/trash-index.ts";
import { type IsManaged, withFilter } from "../../replica/with-filter.ts";
import type { ArchiveAllowances } from "../../replica/archive/check-archive.ts";
import { withoutExpired } from "../../replica/archive/without-expired.ts";
import type { ReadableReplica } from "../../replica/replica.ts";
import { withLimit } from "../../replica/with-limit.ts";
import { withoutStamps } from "../../replica/without-stamps.ts";
import type { RoundEvents } from "../../engine/round-request.ts";
import type { PlanSubject } from "../../mapping/plan-file.ts";
import { checkPlaces, followEvents, type FollowedPlan, isApplied, plannedPlaces } from "./followed-plan.ts";
import { type ComparedSides, withoutEqualPages } from "../backup/equal-pages.ts";
import { namesRepository } from "../backup/names-repository.ts";
import { repositoryAround } from "../../backups/repository-around.ts";
import { checkTellsRemovals, scopeOf } from "../backup/snapshot-scope.ts";
import type { Context } from "../context.ts";
import { countListed } from "../../mapping/empty-source.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { growHeapFreely } from "../process/launch.ts";
import { type LocationDeps, openLocation, type OpenLocation } from "../../mapping/open-location.ts";
import { isArchiveName, parseLocation } from "../../mapping/location.ts";
import { tellEmpty } from "../../mapping/tell-empty.ts";
import type { NamespacePlace } from "../../mapping/place.ts";
import { resolveWranglerLocation } from "../../mapping/wrangler-location.ts";
import { readTextFile } from "../../config/read-file.ts";
import { shellWord } from "../../core/shell-word.ts";
import { renderHint } from "../render/render-held.ts";
import { countRequests } from "../render/request-counts.ts";
import { openRoundReport, type Subject } from "../render/round-report.ts";
import { alsoOnPlan, openState, type SavedPlans } from "./run-mappings.ts";
import type { ContentOptions } from "../render/show-contents.ts";
import { watchForSecrets } from "../render/secret-warning.ts";

export interface Copy {
  readonly command: "copy" | "import" | "restore" | "check" | "diff" | "plan" | "apply";
  /** Remove from the destination what the source has not. */
  readonly mirror: boolean;
  readonly dryRun: boolean;
  readonly force: boolean;
  /** Leave the default excludes alone on both sides, if one of them is a folder. */
  readonly excludeDefaults: boolean;
  /** An empty source is a failure. */
  readonly failEmpty: boolean;
  /** Leave alone what the destination has. */
  readonly onlyMissing?: boolean;
  /** Compare values, not stamps. */
  readonly values: boolean;
  /** Overwrite and remove what the destination's stamps say, without reading it first. */
  readonly trustStamps?: boolean;
  /** Show every line. */
  readonly all: boolean;
  /** Show how values differ. */
  readonly content?: ContentOptions | undefined;
  /** What is taken of an archive though it would be refused. */
  readonly allowed?: ArchiveAllowances | undefined;
  /** The source, where it is open already; it is closed with the destination. */
  readonly opened?: OpenLocation | undefined;
  /** Those of the locations, where they are known already. A text is the title of one that is not there yet: of a dry run, which shows it as
   * empty. */
  readonly namespaces?: { readonly source: Namespace; readonly destination: Namespace | string | undefined };
  /** Options that the command is typed again with. */
  readonly again?: readonly string[];
  /** Keys that are left alone on both sides, besides the default excludes. */
  readonly isManaged?: IsManaged | undefined;
  /** Only so many keys of the source, the first in their order, and nothing about others. Never with `mirror`. */
  readonly keysMax?: number | undefined;
  /** The source has all keys of its place, even where it cannot say so itself. */
  readonly isWhole?: boolean;
  /** Keep the plan here. */
  readonly save?: SavedPlans | undefined;
  /** Do what this plan says, and nothing else. */
  readonly follow?: FollowedPlan | undefined;
}

const SETTLE_WINDOW_MS = 60_000;
/** A mirror is asked for by name; a quarter of the destination is still a lot to lose to a wrong argument. */
const MAX_DELETE_SHARE = 0.25;
/** Overwriting is what a copy is for. */
const ANY_OVERWRITE = { share: 1 };
/** All expirations lie ahead of it. */
const NEVER_TOO_SOON = toEpochSeconds(0 as EpochMs);

const COPYING: ReadonlySet<Copy["command"]> = new Set(["copy", "apply", "import", "restore"]);

export async function runCopy(context: Context, from: string, to: string, copy: Copy): Promise<ExitCode> {
  const config = await context.config();
  const { stateDir, trash } = config;
  const { clock, signal } = context;
  const startedAt = clock.monotonic();
  const { save, follow } = copy;
  const locations = locationDeps(context, config);
  const isCopy = COPYING.has(copy.command);
  const mayCreate = isCopy && !copy.dryRun;
  const filter = copy.excludeDefaults ? compileFilter({ excludeDefaults: true }) : undefined;
  if (isCopy || copy.command === "plan") checkWritable(from, to, locations);
  const { source, destination, equal } = await openSides(copy, from, to, { locations, filter, isCopy });
  for (const warning of [...source.warnings, ...destination.warnings]) context.output.warn(`  ${warning}`);
  const defaults = [source, destination].some(isFolder) ? filter : undefined;
  // What a snapshot or an archive left out it says nothing of.
  const scope = bothOf(scopeOf(source), scopeOf(destination));
  const isManaged = bothOf(bothOf(defaults, scope), copy.isManaged);
  const isWhole = copy.isWhole === true || copy.isManaged !== undefined || follow !== undefined;
  if (copy.mirror && (isCopy || copy.command === "plan"))
    checkTellsRemovals(source, destination, { isWhole, takesKeys: isCopy });
  if (source.replica.kind === "namespace" && destination.replica.kind === "tree") growHeapFreely();
  const requests = countRequests([source.api, destination.api]);
  const subject = { ...subjectOf(copy, source, destination, startedAt), again: againOf(copy, from, to) };
  const report = openRoundReport(context, subject);
  const places = [source.place, destination.place].filter((place) => place !== undefined);
  if (follow !== undefined) checkPlaces(follow, places);
  const state = await openState(context, stateDir, copy.dryRun).catch((error: unknown) => {
    throw besideDaemon(error);
  });
  // All expirations lie ahead of a check: what expires within a minute is there, and should be on both sides.
  const ahead = copy.command === "check" ? 0 : EXPIRATION_AHEAD_SECONDS_MIN;
  const until = (toEpochSeconds(clock.now()) + ahead) as EpochSeconds;
  const view = ({ replica }: OpenLocation): ReadableReplica => {
    const isKept = replica.kind === "archive" || replica.kind === "snapshot";
    const current = isKept ? withoutExpired(replica, until).replica : replica;
    const managed = isManaged === undefined ? current : withFilter(current, isManaged);
    return copy.values ? withoutStamps(managed) : managed;
  };
  const secrets =
    source.replica.kind === "tree" && destination.replica.kind === "namespace" && mayCreate
      ? watchForSecrets(report.events)
      : undefined;
  const onPlan: RoundEvents["onPlan"] = (plan) => save?.file.add(savedSubject(from, to, copy, places), plan);
  const events = alsoOnPlan(secrets?.events ?? report.events, onPlan);
  const following = follow && followEvents(follow, events);
  try {
    if (follow !== undefined && isApplied(state.deps.journal, follow)) return EXIT.done;
    const whole = { source: view(source), destination: view(destination) };
    const sides = copy.keysMax === undefined ? whole : withLimit(whole.source, whole.destination, copy.keysMax);
    const counted = countListed(sides.source);
    const pair = {
      name: subject.route,
      identity: JSON.stringify({ copy: [source.identity, destination.identity] }),
      source: counted.replica,
      destination: sides.destination,
      isManaged,
    };
    // A check of values remembers nothing, and believes nothing that is remembered.
    const deps = copy.values ? { ...state.deps, journal: state.deps.scratch } : state.deps;
    const result = await runPairRound(deps, pair, {
      decide: {
        twoWay: false,
        delete: copy.mirror ? "all" : "none",
        ...(copy.onlyMissing === true && { onlyMissing: true }),
        save: savedOf(copy, destination),
        // A key that is about to expire is not written, but a check tells that it is not there.
        now: copy.command === "check" ? NEVER_TOO_SOON : toEpochSeconds(clock.now()),
      },
      settleWindowMs: SETTLE_WINDOW_MS,
      rest: { stableAfterMs: STABLE_AFTER_MS, stableMaxMs: STABLE_MAX_MS },
      moving: new MovingFiles(clock),
      trustStamps: copy.trustStamps ?? false,
      guards: { maxDelete: { share: MAX_DELETE_SHARE }, maxOverwrite: ANY_OVERWRITE },
      dryRun: copy.dryRun,
      force: copy.force,
      signal,
      events: following?.events ?? events,
      identify: save !== undefined,
      ...(follow !== undefined && { follow: follow.actions }),
    });
    if (!copy.dryRun) openTrashIndex(state.deps.journal, stateDir).prune(pair.name, trash, clock);
    if (!copy.dryRun) following?.noteApplied(state.deps);
    secrets?.warn(context.output);
    if (destination.lacks === "namespace" && copy.namespaces === undefined) tellLack(context, destination);
    const creates = createsOf(copy, destination, to);
    const code = report.finish({ ...result, unchanged: result.unchanged + equal }, requests(), { creates });
    if (counted.keys() + equal > 0 || result.failed > 0) return code;
    const { message, hint } = await tellEmpty(source, copy.isManaged !== undefined);
    if (copy.failEmpty && (code === EXIT.done || code === EXIT.different))
      throw new AppError("source-empty", message, { hint: `${hint}; if it may be empty, add --no-fail-empty` });
    context.output.warn(`  ${message}\n  hint: ${hint}`);
    return code;
  } finally {
    report.close();
    state.close();
    await Promise.all([source.replica.close(), destination.replica.close()]);
  }
}

interface Opening {
  readonly locations: LocationDeps;
  readonly filter: KeyFilter | undefined;
  /** The destination is changed, unless it is a dry run. */
  readonly isCopy: boolean;
}

async function openSides(
  copy: Copy,
  from: string,
  to: string,
  { locations, filter, isCopy }: Opening,
): Promise<ComparedSides> {
  const mayCreate = isCopy && !copy.dryRun;
  const mayLack = (isCopy || copy.command === "plan") && copy.dryRun;
  const known = copy.namespaces;
  const reading = { mayCreate: false, mayLack: false, filter, allowed: copy.allowed, namespace: known?.source };
  const source = copy.opened ?? (await openLocation(locations, from, reading));
  const writing = { mayCreate, mayLack, filter, namespace: known?.destination };
  const destination = await openLocation(locations, to, writing);
  const readsAll = copy.values || copy.isManaged !== undefined || copy.keysMax !== undefined;
  return readsAll ? { source, destination, equal: 0 } : withoutEqualPages({ source, destination });
}

/** A round of the daemon is no copy. */
function besideDaemon(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== "locked" || error.hint?.includes("sync --now") !== true)
    return error;
  return new AppError("locked", error.message, {
    hint: "stop the daemon meanwhile; or give the copy a state folder of its own, by a config with another state_dir: --config FILE",
    retryable: true,
    cause: error,
  });
}

function checkWritable(from: string, to: string, locations: LocationDeps): void {
  if (isArchiveName(to)) {
    throw new AppError("location-invalid", `${visible(to)} is an archive, which is only written as a whole`, {
      hint: `type: kvsync export ${shellWord(from)} ${shellWord(to)}`,
    });
  }
  const location = parseLocation(to, locations);
  const repository = location.kind === "folder" ? repositoryAround(location.path) : undefined;
  if (repository !== undefined) {
    throw new AppError("location-invalid", `${visible(to)} is a repository of backups, or lies in one: ${repository}`, {
      hint: `name another folder; a snapshot is made with: kvsync backup ${shellWord(from)} REPO`,
    });
  }
  if (location.kind !== "snapshot") return;
  throw new AppError("location-invalid", `${visible(to)} is a snapshot, which is made as a whole and never changed`, {
    hint: `type: kvsync backup ${shellWord(from)} ${shellWord(location.repository)}`,
  });
}

/** What a mirror removes is gone at the source as well. It is read first in any case, unless stamps are trusted. */
function savedOf({ trustStamps = false }: Copy, { replica }: OpenLocation): "all" | "removed" | "foreign" {
  if (!replica.traits.readsCostRequests) return "all";
  return trustStamps ? "foreign" : "removed";
}

function savedSubject(from: string, to: string, { mirror }: Copy, places: readonly NamespacePlace[]): PlanSubject {
  return { source: from, destination: to, mirror, places: plannedPlaces(places) };
}

export function bothOf(a: IsManaged | undefined, b: IsManaged | undefined): IsManaged | undefined {
  return a !== undefined && b !== undefined ? (key) => a(key) && b(key) : (a ?? b);
}

function isFolder({ replica, lacks }: OpenLocation): boolean {
  return replica.kind === "tree" || lacks === "folder";
}

function createsOf(
  { namespaces }: Copy,
  { lacks, namespace }: OpenLocation,
  to: string,
): { readonly kind: "folder" | "namespace"; readonly name: string } | undefined {
  if (lacks === "folder") return { kind: "folder", name: to };
  return lacks === "namespace" && namespaces !== undefined ? { kind: "namespace", name: namespace! } : undefined;
}

/** A copy of one place makes a folder, but no namespace. */
function tellLack({ output }: Context, { account, namespace }: OpenLocation): void {
  output.warn(`  the namespace "${visible(namespace!)}" does not exist yet`);
  const title = shellWord(`${account}:${namespace}`);
  output.warn(renderHint("To create it before the copy, type:", `kvsync namespace create ${title}`, output.stderr));
}

/** The command that makes the destination what the round has shown. */
function againOf(
  { command, mirror, excludeDefaults, trustStamps, save, follow, again }: Copy,
  from: string,
  to: string,
): Subject["again"] {
  const apply = follow?.apply ?? save?.apply;
  if (apply !== undefined) return () => apply;
  const verb = command === "import" || command === "restore" ? command : "copy";
  const [source, destination] = [from, to].map((word) => shellWord(/^-./.test(word) ? `./${word}` : word));
  const words = ["kvsync", verb, source, destination, ...(again ?? [])];
  if (!excludeDefaults) words.push("--no-exclude-defaults");
  if ((command === "copy" || verb !== "copy") && trustStamps === true) words.push("--trust-stamps");
  return (removes) => [...words, ...(mirror && removes ? ["--delete"] : [])].join(" ");
}

function subjectOf(
  { command, dryRun, all, content }: Copy,
  source: OpenLocation,
  destination: OpenLocation,
  startedAt: MonotonicMs,
): Omit<Subject, "again"> {
  const remote = destination.namespace === undefined ? source : destination;
  return {
    command,
    mapping: undefined,
    account: remote.account,
    namespace: remote.namespace,
    route: `${source.replica.label} -> ${destination.replica.label}`,
    dryRun,
    startedAt,
    compares: !COPYING.has(command),
    isFixed: destination.snapshot !== undefined,
    all,
    content,
  };
}

/** What locations are opened with. */
export function locationDeps(context: Context, config: Config): LocationDeps {
  const { clock, signal, cwd, env } = context;
  const { stateDir, repositories } = config;
  const home = env["HOME"];
  const names = new Set(repositories.keys());
  return {
    clock,
    signal,
    stateDir,
    cwd,
    home,
    isRepository: (text, whole) => namesRepository(text, whole, { cwd, home, names }),
    account: (name) => context.account(name),
    bound: (location) => resolveWranglerLocation({ config, cwd, readFile: readTextFile }, location),
    snapshot: async (location) => (await import("../backup/open-snapshot.ts")).openNamedSnapshot(context, location),
  };
}
