// What a running daemon answers to each request, whoever asks: the one handler of the control socket and of the status page.

import { AppError } from "../../core/errors.ts";
import type { History } from "../../journal/history.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { roundStatus } from "../../mapping/round-status.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import type { Reloaded } from "../loop/loop-set.ts";
import type { Supervisor, SyncOutcome } from "../loop/supervisor.ts";
import type { DaemonStatus } from "./daemon-status.ts";
import { controlError, type ControlRequest, type SyncAnswer } from "./protocol.ts";

export interface AnswerDeps {
  readonly supervisor: Supervisor;
  readonly history: History;
  readonly status: () => DaemonStatus;
  readonly reload: () => Promise<Reloaded>;
}

/** The answer as plain data. Throws AppError for what cannot be done; anything else is a bug. */
export async function answerRequest(request: ControlRequest, deps: AnswerDeps): Promise<unknown> {
  try {
    return await answer(request, deps);
  } catch (error) {
    throw operationErrorOf(error) ?? error;
  }
}

async function answer(request: ControlRequest, { supervisor, history, status, reload }: AnswerDeps): Promise<unknown> {
  switch (request.op) {
    case "status":
      return status();
    case "sync":
      return (await supervisor.sync(request.mappings)).map((outcome) => syncAnswer(outcome, supervisor.mappings()));
    case "approve":
      return { plan: await supervisor.approve(request.mapping, request.plan) };
    case "reload":
      return reload();
    case "history":
      return history.list(request);
  }
}

function syncAnswer({ mapping, outcome }: SyncOutcome, now: readonly MappingStatus[]): SyncAnswer {
  const beingWritten = now.find((status) => status.mapping === mapping)?.beingWritten ?? [];
  const answer = { mapping, held: null, beingWritten };
  if (outcome instanceof AppError) return { ...answer, round: null, error: controlError(outcome) };
  return { ...answer, round: roundStatus(outcome), held: outcome.hold?.plan ?? null, error: null };
}
