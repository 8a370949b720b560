// Which snapshot a person means: the latest one, the one of a time, or one by its id. Only complete ones are found by time.

import type { EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { parseTime } from "../../core/time-text.ts";
import { sourceKey } from "../retention/decide-retention.ts";
import type { CallOptions } from "../store/store.ts";
import { lastUntil, timeSnapshots } from "./snapshot-times.ts";
import type { Repository, SnapshotSource, StoredSnapshot } from "./repository.ts";
import { listSnapshots, notFound, readSnapshot, type SnapshotSummary } from "./snapshots.ts";

export interface FindOptions extends CallOptions {
  /** What is to be said of what was found, a line each: a clock was wrong. */
  readonly onWarning?: (warning: string) => void;
}

export type SnapshotChoice =
  | { readonly kind: "latest" }
  /** The newest one that was made by then. */
  | { readonly kind: "time"; readonly until: EpochMs }
  | { readonly kind: "id"; readonly prefix: string };

/** `which`: `latest`, a time or an id, as it stands behind the @ of a location. `namespace`: an id, a title or a label, needed if the
 * repository has several. Throws AppError "snapshot-not-found", and "repository-damaged" if another one cannot be read that may be meant. */
export async function findSnapshot(
  repository: Repository,
  which: string,
  namespace?: string,
  options?: FindOptions,
): Promise<StoredSnapshot> {
  const choice = parseSnapshotChoice(which);
  if (choice === undefined) throw notFound(repository, `has no snapshot ${visible(which)}: that is no time and no id`);
  if (choice.kind === "id") {
    const snapshot = await readSnapshot(repository, choice.prefix, options);
    if (namespace === undefined || isOf(snapshot.source, namespace)) return snapshot;
    const of = visible(snapshot.source.label);
    throw notFound(
      repository,
      `has snapshot ${snapshot.id.slice(0, 8)}, and that is of ${of}, not of ${visible(namespace)}`,
    );
  }
  const { snapshots, problems } = await listSnapshots(repository, options);
  // It may be the very one that is meant: what is found in its place would be older, and look like it.
  if (problems.length > 0) {
    const more = problems.length === 1 ? "" : `, and ${problems.length - 1} more are not, either`;
    throw new AppError(
      "repository-damaged",
      `${problems[0]}${more}: which snapshot is ${visible(which)} cannot be told`,
      {
        hint: `choose one by its id: kvsync snapshots ${repository.label}`,
      },
    );
  }
  const now = await repository.store.now(options);
  const chosen = chooseSnapshot(snapshots, { choice, namespace, now });
  if (chosen.kind === "none") throw notFound(repository, chosen.why);
  for (const warning of chosen.warnings) options?.onWarning?.(warning);
  return readSnapshot(repository, chosen.snapshot.id, options);
}

/** Undefined: `text` is none of these. */
export function parseSnapshotChoice(text: string): SnapshotChoice | undefined {
  if (text === "latest") return { kind: "latest" };
  if (/^[0-9a-f]{4,64}$/i.test(text)) return { kind: "id", prefix: text.toLowerCase() };
  // The end of the day, the minute or the second that it names.
  const time = parseTime(text);
  return time && { kind: "time", until: time.until };
}

const none = (why: string) => ({ kind: "none", why }) as const;

type Chosen =
  | { readonly kind: "found"; readonly snapshot: SnapshotSummary; readonly warnings: readonly string[] }
  | { readonly kind: "none"; readonly why: string };

interface Choosing {
  readonly choice: Exclude<SnapshotChoice, { readonly kind: "id" }>;
  readonly namespace: string | undefined;
  /** By the store's clock. */
  readonly now: EpochMs;
}

function chooseSnapshot(snapshots: readonly SnapshotSummary[], { choice, namespace, now }: Choosing): Chosen {
  const of = namespace === undefined ? "" : ` of ${visible(namespace)}`;
  const named = snapshots.filter(({ source }) => namespace === undefined || isOf(source, namespace));
  const complete = named.filter(({ complete }) => complete);
  if (complete.length === 0) return none(named.length > 0 ? `has no complete snapshot${of}` : `has no snapshot${of}`);
  const sources = [...Map.groupBy(complete, sourceKey).values()];
  const meant = sources.length === 1 ? sources[0] : wholeOf(sources);
  if (meant === undefined)
    return none(
      tellSources(
        sources.map(([first]) => first!.source.label),
        choice,
      ),
    );
  const last = lastUntil(meant, choice.kind === "latest" ? (Infinity as EpochMs) : choice.until, now);
  if (last !== undefined) return { kind: "found", ...last };
  const { created } = timeSnapshots(meant, now)[0]!.snapshot;
  return none(`has no complete snapshot${of} of that time: its oldest is of ${created}`);
}

function isOf({ namespace, title, label }: SnapshotSource, name: string): boolean {
  return name === namespace || name === title || name === label;
}

/** Of several sources of one namespace, the one that is about all of its keys. Undefined: there is none, or more than one. */
function wholeOf(sources: readonly (readonly SnapshotSummary[])[]): readonly SnapshotSummary[] | undefined {
  const namespaces = sources.map(([first]) => {
    const { accountId, account, namespace, label } = first!.source;
    return JSON.stringify([accountId ?? account, namespace ?? label]);
  });
  const whole = sources.filter(([first]) => first!.source.prefix === "" && leavesNothingOut(first!.filter));
  return new Set(namespaces).size === 1 && whole.length === 1 ? whole[0] : undefined;
}

/** But what kvsync leaves out of folders by itself, and what was not in a .json to begin with. */
function leavesNothingOut(filter: unknown): boolean {
  if (filter === null || filter === undefined) return true;
  if (typeof filter !== "object") return false;
  return Object.entries(filter).every(([name, value]) => {
    return name === "excludeDefaults" || name === "mayLackKeys" || value === "" || isEmptyList(value);
  });
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** `labels`: of sources that differ. */
function tellSources(labels: readonly string[], { kind }: SnapshotChoice): string {
  const names = [...new Set(labels)].map((label) => visible(label)).sort();
  const several = `has snapshots of ${labels.length} sources`;
  if (names.length < labels.length) return `${several}, some of parts of a namespace only: name one by its id`;
  return `${several}: name one as REPO@${kind === "latest" ? "latest" : "TIME"}:NAMESPACE (${names.join(", ")})`;
}
