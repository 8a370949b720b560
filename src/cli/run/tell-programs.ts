// kvsync run --json: what changes the state of a mapping, and what backups come to, as events on stdout.

import type { DaemonListener } from "../../daemon/daemon-event.ts";
import type { Output } from "../render/output.ts";

export function tellPrograms(output: Output): DaemonListener {
  return (event) => {
    if (event.kind === "backup-ended") {
      const { backup, memory } = event;
      const { lastRun, failure } = memory;
      output.event({ type: "backup", backup: backup.name, ...lastRun, failure, nextInMs: Math.round(event.nextInMs) });
    }
    if (!("mapping" in event)) return;
    const mapping = event.mapping.name;
    if (event.kind === "round-ended") {
      const { written, removed, unchanged, conflicts, failed, lagging, held } = event.report.result;
      const counts = { written, removed, unchanged, conflicts, failed, lagging, held };
      output.event({ type: "round", mapping, step: event.step, ...counts, durationMs: event.report.durationMs });
    }
    if (event.kind === "held") output.event({ type: "held", mapping, plan: event.hold.plan });
    if (event.kind === "paused" || event.kind === "resumed") output.event({ type: event.kind, mapping });
    if (event.kind === "discarded") output.event({ type: "discarded", mapping, plan: event.plan });
    if (event.kind === "lifted") output.event({ type: "lifted", mapping });
    if (event.kind === "failed") {
      const { code, message, hint } = event.error;
      output.event({ type: "failed", mapping, code, message, hint, retryInMs: event.retryInMs });
    }
    if (event.kind === "recovered") output.event({ type: "recovered", mapping });
  };
}
