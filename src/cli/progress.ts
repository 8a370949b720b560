// The progress bar: how far a command is, how fast, and how long it will take. It appears after a second, on a terminal
// only, and goes away without a trace.

import type { Clock, DurationMs } from "../core/clock.ts";
import { visible } from "../core/errors.ts";
import { renderByteCount, renderDuration } from "../core/units.ts";
import type { Output } from "./output.ts";

export interface ProgressState {
  /** What is done now: `comparing`, `writing`. A new one starts the rate anew. */
  readonly phase: string;
  readonly done: number;
  /** Undefined: not known, so there is neither bar nor end in sight. */
  readonly total: number | undefined;
  /** What is counted; `keys` unless given. */
  readonly unit?: string;
  readonly bytes?: number;
}

export interface Progress {
  update(state: ProgressState): void;
  /** Says why nothing moves, until the next update: `waiting 40s for the request budget`. */
  wait(reason: string): void;
  close(): void;
}

const SHOWN_AFTER_MS = 1000;
const REDRAW_MS = 100;
const BAR_WIDTH = 24;
/** Under this the rate says more about the start than about what is to come. */
const RATE_AFTER_MS = 500;

/** `label` says which of several things it is about: a mapping, a file. */
export function openProgress(deps: { readonly clock: Clock; readonly output: Output }, label: string): Progress {
  const stream = deps.output.progressStream;
  if (stream === undefined) return { update: () => undefined, wait: () => undefined, close: () => undefined };
  const { clock, output } = deps;
  const closing = new AbortController();
  let state: ProgressState | undefined;
  let waiting: string | undefined;
  let phaseStart = clock.now();

  const draw = async (): Promise<void> => {
    await clock.sleep(SHOWN_AFTER_MS, closing.signal);
    const [{ createLogUpdate }, { default: stringWidth }] = await Promise.all([
      import("log-update"),
      import("string-width"),
    ]);
    const update = createLogUpdate(stream as NodeJS.WriteStream, { showCursor: true });
    output.setLive({ clear: () => update.clear() });
    try {
      for (;;) {
        closing.signal.throwIfAborted();
        if (state !== undefined) {
          const line = renderProgress(label, state, clock.now() - phaseStart, waiting);
          update(fit(line, (stream.columns || 80) - 1, stringWidth));
        }
        await clock.sleep(REDRAW_MS, closing.signal);
      }
    } finally {
      update.clear();
      output.setLive(undefined);
    }
  };
  draw().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });

  return {
    update: (next) => {
      if (next.phase !== state?.phase) phaseStart = clock.now();
      state = next;
      waiting = undefined;
    },
    wait: (reason) => {
      waiting = reason;
    },
    close: () => closing.abort(),
  };
}

/** One line: `app-config writing [#####---] 62% 6,214/10,000 keys, 1,204/s, 3s left`. */
export function renderProgress(label: string, state: ProgressState, elapsed: DurationMs, waiting?: string): string {
  const { phase, done, total, unit = "keys", bytes } = state;
  const rate = elapsed < RATE_AFTER_MS ? undefined : (done * 1000) / elapsed;
  const parts = [`${count(done)}${total === undefined ? "" : `/${count(total)}`} ${unit}`];
  if (bytes !== undefined && bytes > 0) parts.push(renderByteCount(bytes));
  if (waiting !== undefined) parts.push(waiting);
  else if (rate !== undefined && done > 0) {
    parts.push(`${count(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))}/s`);
    if (total !== undefined && total > done) parts.push(`${renderDuration(((total - done) / rate) * 1000)} left`);
  }
  const bar = total === undefined || total === 0 ? "" : ` ${renderBar(Math.min(1, done / total))}`;
  return `${visible(label)} ${phase}${bar} ${parts.join(", ")}`;
}

function renderBar(ratio: number): string {
  const full = Math.floor(ratio * BAR_WIDTH);
  return `[${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)}] ${String(Math.floor(ratio * 100)).padStart(3)}%`;
}

/** `line` cut to `columns`, so that it stays one line and can be redrawn in place. */
function fit(line: string, columns: number, stringWidth: (text: string) => number): string {
  if (stringWidth(line) <= columns) return line;
  let cut = "";
  for (const char of line) {
    if (stringWidth(cut + char) > columns) break;
    cut += char;
  }
  return cut;
}

/** `10,000`; at most one decimal. (Intl.NumberFormat takes 15 ms to load, half of what most commands take.) */
export function count(value: number): string {
  const [whole = "", decimals] = String(Math.round(value * 10) / 10).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals === undefined ? "" : `.${decimals}`);
}
