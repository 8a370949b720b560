// The record that a run works on: that of the migration as it stands, or a new one, with the namespaces that are meant.

import { kvsyncCommand } from "../core/shell-word.ts";
import type { OpenAccount } from "../accounts/accounts.ts";
import type { Clock } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Namespace } from "../kv/kv-api.ts";
import { listAllNamespaces } from "../kv/list-all-namespaces.ts";
import { apiOf } from "../mapping/place.ts";
import { checkClock } from "./check-clock.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import {
  type AccountSide,
  type Asked,
  isOver,
  type MigrationRecord,
  type NamespaceFacts,
  type NamespaceRecord,
  NO_COUNTS,
} from "./migration-record.ts";
import { type NamespacePair, selectNamespaces } from "./select-namespaces.ts";

export interface BeginDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly folder: MigrationFolder;
  readonly source: OpenAccount;
  readonly destination: OpenAccount;
  readonly pid: number;
}

export interface Begun {
  readonly record: MigrationRecord;
  /** It was begun before, and goes on. */
  readonly isResumed: boolean;
  /** One namespace that the destination account has. */
  readonly someNamespace: Namespace | undefined;
}

export interface Wanted extends Pick<MigrationRecord, "name" | "asked" | "accepted" | "follow" | "verify" | "seed"> {}

export function sideOf({ name, config }: OpenAccount): AccountSide {
  return { account: name, accountId: config.accountId, api: apiOf(config.endpoint) };
}

/** Two requests. Throws AppError "usage" if the migration of this name is about something else. */
export async function beginMigration(deps: BeginDeps, wanted: Wanted): Promise<Begun> {
  const { clock, folder, source, destination, signal, pid } = deps;
  const found = folder.read();
  const there = await listAllNamespaces(destination.api, signal);
  checkClock([destination]);
  const now = clock.now();
  if (found !== undefined && found.state !== "planned" && found.state !== "aborted" && found.state !== "undone") {
    checkSame(found, wanted);
    const { accepted, follow, verify } = wanted;
    const record = { ...found, accepted, follow, verify, runs: found.runs + 1, pid, failure: null, endedAt: null };
    // What was done before is looked at again, for what has changed since.
    const state = isOver(found) ? ("catching-up" as const) : found.state;
    return { record: { ...record, state }, isResumed: true, someNamespace: there[0] };
  }
  // Only its record knows how the destination was before: it is written when nothing keeps the first write from being made any more.
  if (found?.state === "aborted") throw notUndone(found);
  const atSource = await listAllNamespaces(source.api, signal);
  checkClock([source]);
  const pairs = selectNamespaces(wanted.asked, atSource, there);
  const record: MigrationRecord = {
    kvsync: "migration",
    version: 1,
    ...wanted,
    state: "planned",
    namespaces: pairs.map(namespaceRecord),
    rounds: 0,
    quietRounds: 0,
    failure: null,
    startedAt: now,
    changedAt: now,
    endedAt: null,
    runs: 1,
    pid,
  };
  return { record, isResumed: false, someNamespace: there[0] };
}

function notUndone({ name }: MigrationRecord): AppError {
  return new AppError("usage", `the migration "${visible(name)}" was aborted, and not undone`, {
    hint: `put the destination back as it was: ${kvsyncCommand("migrate undo", [name])}; or leave it so, and begin another migration: add --name NAME`,
  });
}

export function namespaceRecord({ source, destination, title }: NamespacePair): NamespaceRecord {
  const { jurisdiction, mode } = destination ?? source;
  return {
    source: factsOf(source),
    destination: { id: destination?.id ?? null, title, jurisdiction, mode },
    isNew: destination === undefined,
    before: { keys: 0, archive: null },
    isCopied: false,
    counts: NO_COUNTS,
    failure: null,
    verdict: null,
  };
}

function factsOf({ id, title, jurisdiction, mode }: Namespace): NamespaceFacts {
  return { id, title, jurisdiction, mode };
}

function checkSame({ name, asked, state }: MigrationRecord, wanted: Wanted): void {
  if (sameAsked(asked, wanted.asked)) return;
  throw new AppError(
    "usage",
    `the migration "${visible(name)}" exists, is ${state}, and is about something else than what is asked for now`,
    { hint: "to begin another one, give it a name of its own: add --name NAME; kvsync migrate status shows this one" },
  );
}

/** Accounts are told by what they are, not by how the config calls them. */
function sameAsked(a: Asked, b: Asked): boolean {
  return plainText(a) === plainText(b);
}

function plainText({ source, destination, namespaces, as, rename, filter, stamp }: Asked): string {
  const { prefix, include, exclude } = filter;
  const places = [source.api, source.accountId, destination.api, destination.accountId];
  return JSON.stringify([places, namespaces, as, rename, prefix, include, exclude, stamp]);
}
