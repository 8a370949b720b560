// What a running daemon answers to each request, whoever asks: the one handler of the control socket and of the status page.

import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { openHistory } from "../../journal/history.ts";
import { openHolds } from "../../journal/holds.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { readHeldPlan } from "../../mapping/held-plan.ts";
import { roundStatus } from "../../mapping/round-status.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import type { BackupSet } from "../backups/backup-set.ts";
import type { EventFeed } from "../event-feed.ts";
import type { Reloaded } from "../loop/loop-set.ts";
import type { Supervisor, SyncOutcome } from "../loop/supervisor.ts";
import type { DaemonStatus } from "./daemon-status.ts";
import { answerTrash, type AnswerTrashDeps } from "./answer-trash.ts";
import { controlError, type ControlRequest, type EventsAnswer, type PageLink, type SyncAnswer } from "./protocol.ts";

export interface AnswerDeps extends Omit<AnswerTrashDeps, "roundBegan"> {
  readonly supervisor: Supervisor;
  readonly backups: Pick<BackupSet, "runNow">;
  readonly status: () => DaemonStatus;
  readonly reload: () => Promise<Reloaded>;
  /** Throws AppError `usage` if no status page is served. */
  readonly pageLink: () => PageLink;
  readonly startedAt: EpochMs;
  readonly feed: Pick<EventFeed, "last">;
  /** Aborted when the daemon is to stop: what only looks is broken off. */
  readonly signal: AbortSignal;
}

/** The answer as plain data. Throws AppError for what cannot be done; anything else is a bug. */
export async function answerRequest(request: ControlRequest, deps: AnswerDeps): Promise<unknown> {
  try {
    return await answer(request, deps);
  } catch (error) {
    throw operationErrorOf(error) ?? error;
  }
}

async function answer(request: ControlRequest, deps: AnswerDeps): Promise<unknown> {
  const { supervisor, status, reload } = deps;
  switch (request.op) {
    case "ping":
      return {};
    case "status":
      return status();
    case "sync":
      return (await supervisor.sync(request.mappings)).map((outcome) => syncAnswer(outcome, supervisor.mappings()));
    case "approve": {
      const plan = await supervisor.approve(request.mapping, request.plan);
      return {
        plan,
        paused: supervisor.mappings().some((now) => now.mapping === request.mapping && now.paused !== null),
      };
    }
    case "pause":
      return { paused: await supervisor.pause(request.mappings, request.reason) };
    case "resume":
      return { resumed: await supervisor.resume(request.mappings) };
    case "discard":
      return { plan: await supervisor.discard(request.mapping, request.plan) };
    case "reload":
      return reload();
    case "conflicts":
      return supervisor.conflicts(request.mapping, deps.signal);
    case "conflict":
      return supervisor.conflict(request.mapping, request, deps.signal);
    case "resolve":
      return supervisor.resolve(request.mapping, request);
    case "plan":
      return readHeldPlan(openHolds(deps.journal), request.mapping);
    case "back-up":
      deps.backups.runNow(request.backups);
      return { begun: request.backups };
    case "page-link":
      return deps.pageLink();
    case "history":
      return openHistory(deps.journal).list(request);
    case "events":
      return { startedAt: deps.startedAt, last: deps.feed.last() } satisfies EventsAnswer;
    case "trash":
    case "trash-restore":
    case "trash-restore-many":
    case "trash-need":
    case "trash-empty":
      return answerTrash(request, { ...deps, roundBegan: (mapping) => roundBegan(supervisor, mapping) });
  }
}

/** Undefined: none of `mapping` runs. */
function roundBegan(supervisor: Supervisor, mapping: string): EpochMs | undefined {
  return supervisor.mappings().find((status) => status.mapping === mapping)?.working?.startedAt;
}

function syncAnswer({ mapping, outcome }: SyncOutcome, now: readonly MappingStatus[]): SyncAnswer {
  const beingWritten = now.find((status) => status.mapping === mapping)?.beingWritten ?? [];
  const answer = { mapping, held: null, paused: null, beingWritten };
  if ("by" in outcome) return { ...answer, paused: outcome, round: null, error: null };
  if (outcome instanceof AppError) return { ...answer, round: null, error: controlError(outcome) };
  return { ...answer, round: roundStatus(outcome), held: outcome.hold?.plan ?? null, error: null };
}
