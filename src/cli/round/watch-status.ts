// kvsync status --watch: the status again and again. On a terminal one picture is drawn anew in its place; elsewhere a block, or with --json a
// line, is added when something has changed besides the time. A daemon that goes away is shown as such, and picked up again.

import process from "node:process";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { counted } from "../../core/counted.ts";
import { redact } from "../../core/redact.ts";
import { renderDuration } from "../../core/units.ts";
import { type ControlClient, openControlClient } from "../../daemon/control/control-client.ts";
import type { DaemonStatus } from "../../daemon/control/daemon-status.ts";
import type { Context } from "../context.ts";
import { isAskedToEnd } from "../process/stop-signals.ts";
import { printableJson } from "../render/printable-json.ts";
import { renderKnownStatus, renderStatus } from "../render/render-status.ts";
import { shownTime } from "../render/shown-time.ts";
import { type KnownState, readKnownState } from "./known-state.ts";

export interface StatusWatch {
  readonly stateDir: string;
  readonly names: readonly string[];
  readonly intervalMs: DurationMs;
  /** The status of these mappings, as the daemon tells it. */
  readonly ask: (client: ControlClient) => Promise<DaemonStatus>;
}

type Seen =
  | { readonly running: true; readonly status: DaemonStatus }
  | { readonly running: false; readonly known: KnownState };

/** Until Ctrl-C. */
export async function watchStatus(context: Context, watch: StatusWatch): Promise<void> {
  const { clock, output, signal } = context;
  const isDrawn = output.stdout.isTerminal && !output.json;
  const show = isDrawn ? await openPicture(context, watch.intervalMs) : openLog(context);
  const daemon = openDaemonLook(context, watch);
  try {
    for (;;) {
      await show.show(await daemon.look());
      await clock.sleep(watch.intervalMs, signal);
    }
  } catch (error) {
    if (!isAskedToEnd(signal)) throw error;
  } finally {
    daemon.close();
    show.close();
    output.event({ type: "summary", command: "status", watched: true });
  }
}

function openDaemonLook(
  context: Context,
  { stateDir, names, ask }: StatusWatch,
): { look(): Promise<Seen>; close(): void } {
  let client: ControlClient | undefined;
  const close = (): void => {
    client?.close();
    client = undefined;
  };
  return {
    async look() {
      try {
        client ??= await openControlClient(stateDir, context);
        return { running: true, status: await ask(client) };
      } catch (error) {
        close();
        if (!(error instanceof AppError) || error.code !== "not-running") throw error;
      }
      return { running: false, known: await readKnownState(context, stateDir, names) };
    },
    close,
  };
}

interface Show {
  show(seen: Seen): Promise<void> | void;
  close(): void;
}

/** What is more than the terminal is high is counted. */
async function openPicture({ clock, output }: Context, intervalMs: DurationMs): Promise<Show> {
  const [{ createLogUpdate }, { default: stringWidth }] = await Promise.all([
    import("log-update"),
    import("string-width"),
  ]);
  const update = createLogUpdate(process.stdout, { showCursor: true });
  output.setLive({ clear: () => update.clear() });
  return {
    show: (seen) => {
      const now = clock.now();
      const head = output.stdout.dim(`${shownTime(now)}, every ${renderDuration(intervalMs)}, until Ctrl-C`);
      // A terminal that does not tell its size has none.
      const [rows, columns] = [process.stdout.rows || 24, process.stdout.columns || 80];
      const height = (line: string): number => Math.max(1, Math.ceil(stringWidth(line) / columns));
      const { shown, hidden } = fitting([head, ...linesOf(seen, now, output)], height, Math.max(2, rows - 1));
      const more = output.stdout.dim(`... and ${counted(hidden, "more line")}: see kvsync status`);
      update(redact([...shown, ...(hidden > 0 ? [more] : [])].join("\n")));
    },
    close: () => {
      output.setLive(undefined);
      update.done();
    },
  };
}

/** The first of `lines` that fit into `rows`, with one row for what is said of the others. */
function fitting(
  lines: readonly string[],
  height: (line: string) => number,
  rows: number,
): { readonly shown: readonly string[]; readonly hidden: number } {
  const total = lines.reduce((sum, line) => sum + height(line), 0);
  if (total <= rows) return { shown: lines, hidden: 0 };
  let left = rows - 1;
  const end = lines.findIndex((line) => (left -= height(line)) < 0);
  return { shown: lines.slice(0, end), hidden: lines.length - end };
}

function openLog({ clock, output }: Context): Show {
  let last: string | undefined;
  return {
    show: async (seen) => {
      const essence = JSON.stringify(essenceOf(seen));
      if (essence === last) return;
      const now = clock.now();
      if (output.json) {
        const told = seen.running ? seen.status : { now, ...seen.known };
        await output.write(
          `${printableJson(redact(JSON.stringify({ type: "status", running: seen.running, ...told })))}\n`,
        );
      } else {
        const lines = [...(last === undefined ? [] : [""]), shownTime(now), ...linesOf(seen, now, output)];
        await output.write(`${redact(lines.join("\n"))}\n`);
      }
      last = essence;
    },
    close: () => {},
  };
}

function linesOf(seen: Seen, now: EpochMs, { stdout }: Context["output"]): readonly string[] {
  if (seen.running) return renderStatus(seen.status, stdout);
  return [stdout.red("no daemon runs"), ...renderKnownStatus(seen.known, now, stdout)];
}

/** Of a status, what is news when it changes: neither times and what is counted all the time, nor a look that found nothing. */
function essenceOf(seen: Seen): unknown {
  const { mappings, backups } = seen.running ? seen.status : seen.known;
  return {
    running: seen.running,
    mappings: mappings.map(
      ({ mapping, state, working, pending, conflicts, hold, paused, error, problems, ...other }) => ({
        mapping,
        conflicts,
        paused,
        watcher: other.watcher?.kind,
        state: state === "working" && working?.phase !== "transfer" && pending === 0 ? "in-step" : state,
        pending,
        removesLater: other.removesLater,
        beingWritten: other.beingWritten,
        alike: other.alike,
        hold: hold && [hold.plan, hold.approved],
        error: error && [error.code, error.message],
        problems: problems.map(({ code, subject, message }) => [code, subject, message]),
        problemCount: other.problemCount,
      }),
    ),
    backups: backups.map(({ backup, state, failure, lastRun }) => ({ backup, state, failure, lastRun })),
    ...(seen.running && {
      pid: seen.status.pid,
      skippedFolders: seen.status.skippedFolders,
      stuck: seen.status.stuck,
      notices: seen.status.notices.map(({ target, undelivered }) => [target, undelivered?.reason]),
      accounts: seen.status.accounts.map(({ account, retrying }) => [account, retrying]),
    }),
  };
}
