// What happens in the daemon, as `kvsync events` and the status page are told.

import { pausedStatus } from "../mapping/paused.ts";
import { holdStatus, roundStatus } from "../mapping/round-status.ts";
import type { BackupEvent } from "./backups/backup-loop.ts";
import type { ToldEvent } from "./control/feed-event.ts";
import { controlError } from "./control/protocol.ts";
import type { DaemonEvent, MappingEvent } from "./daemon-event.ts";

/** Of what a round did, so much is told key by key. */
const CHANGES_TOLD_MAX = 100;

/** Undefined: it happens with each request, and is counted only. */
export function toldEvent(event: DaemonEvent): ToldEvent | undefined {
  if ("mapping" in event) return { event: event.kind, mapping: event.mapping.name, ...ofMapping(event) };
  if ("backup" in event) return { event: event.kind, backup: event.backup.name, ...ofBackup(event) };
  if (event.kind === "account-answered" || event.kind === "account-waited") return undefined;
  const { kind, ...fields } = event;
  return { event: kind, ...fields };
}

function ofMapping(event: MappingEvent): object {
  switch (event.kind) {
    case "started":
    case "stopped":
    case "lifted":
    case "recovered":
    case "resumed":
      return {};
    case "paused":
      return pausedStatus(event.pause);
    case "conflict-resolved": {
      const { key, keep, done } = event.resolved;
      return { key, keep, done };
    }
    case "discarded":
      return { plan: event.plan };
    case "round-began":
      return { step: event.step, reasons: event.reasons };
    case "round-ended": {
      const { report, step } = event;
      const { changes, moreChanges } = report;
      const told = changes.slice(0, CHANGES_TOLD_MAX);
      return { step, ...roundStatus(report), changes: told, moreChanges: moreChanges + changes.length - told.length };
    }
    case "held":
      return holdStatus(event.hold);
    case "failed":
      return { ...controlError(event.error), retryInMs: event.retryInMs, repeats: event.repeats };
    case "watcher":
      return { watcher: event.state };
    case "feed-up":
      return { isBack: event.isBack };
    case "feed-lost":
      return { reason: event.reason, hint: event.hint ?? null, retryInMs: event.retryInMs ?? null };
    case "feed-reset":
      return { reason: event.reason };
    case "restored":
      return { key: event.key, item: event.item, file: event.file };
    case "scrubbed":
      return { problems: event.problems };
    case "rescan":
      return { reason: event.reason };
  }
}

function ofBackup(event: BackupEvent): object {
  switch (event.kind) {
    case "backup-began":
    case "backup-stopped":
      return {};
    case "backup-ended": {
      const { memory, nextInMs } = event;
      return { run: memory.lastRun, failure: memory.failure, nextInMs };
    }
    case "backup-retrying":
      return { ...controlError(event.error), waitMs: event.waitMs };
    case "backup-stuck":
      return { ...controlError(event.error), retryInMs: event.retryInMs };
  }
}
