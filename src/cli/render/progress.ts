// The progress bar: how far a command is, how fast, and how long it will take. It appears after a second, on a terminal
// only, and goes away without a trace.

import { count } from "../../core/counted.ts";
import type { Clock } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { Output } from "./output.ts";
import { openTimeLeft, type Outlook, type ProgressState, type Traffic } from "./time-left.ts";

export interface Progress {
  update(state: ProgressState): void;
  close(): void;
}

const SHOWN_AFTER_MS = 1000;
const REDRAW_MS = 100;
/** A shorter wait for the budget is none: requests go out one by one as the window lets them. */
const WAIT_SHOWN_MS = 1000;

export interface ProgressDeps {
  readonly clock: Clock;
  readonly output: Output;
  /** The accounts that are in use by now. */
  readonly traffics: () => readonly Traffic[];
}

/** `label` says which of several things it is about: a mapping, a file. */
export function openProgress({ clock, output, traffics }: ProgressDeps, label: string): Progress {
  const stream = output.progressStream;
  if (stream === undefined) return { update: () => undefined, close: () => undefined };
  const closing = new AbortController();
  const timeLeft = openTimeLeft(clock, traffics);
  let state: ProgressState | undefined;

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
        const outlook = timeLeft.read();
        if (state !== undefined) {
          const columns = (stream.columns || 80) - 1;
          const fits = (text: string): boolean => stringWidth(text) <= columns;
          update(cut(renderProgress(label, state, outlook, fits), fits));
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
      timeLeft.update(next);
      state = next;
    },
    close: () => closing.abort(),
  };
}

interface Form {
  readonly barWidth: number;
  readonly bytes: boolean;
  readonly rate: boolean;
  /** What is waited for. */
  readonly wait: string;
}

/** From the one that tells most to the narrowest: how long to wait, and how long in all, stay to the last. */
const FORMS: readonly Form[] = [
  { barWidth: 24, bytes: true, rate: true, wait: " for the request budget" },
  { barWidth: 10, bytes: true, rate: true, wait: " for the request budget" },
  { barWidth: 0, bytes: true, rate: true, wait: " for the request budget" },
  { barWidth: 0, bytes: false, rate: true, wait: " for the request budget" },
  { barWidth: 0, bytes: false, rate: false, wait: " for the request budget" },
  { barWidth: 0, bytes: false, rate: false, wait: " for the budget" },
  { barWidth: 0, bytes: false, rate: false, wait: "" },
];

/** One line: `app-config writing [#####---] 62% 6,214/10,000 keys, 1,204/s, 3s left`, in the first form that fits. */
export function renderProgress(
  label: string,
  state: ProgressState,
  outlook: Outlook,
  fits: (line: string) => boolean = () => true,
): string {
  const lines = FORMS.map((form) => renderForm(form, label, state, outlook));
  return lines.find(fits) ?? lines.at(-1)!;
}

function renderForm(
  form: Form,
  label: string,
  { phase, done, total, unit = "keys", bytes, requests = 0 }: ProgressState,
  { rate, heldMs, leftMs }: Outlook,
): string {
  const parts = [`${count(done)}${total === undefined ? "" : `/${count(total)}`} ${unit}`];
  if (form.bytes && bytes !== undefined && bytes > 0) parts.push(renderByteCount(bytes));
  if (form.bytes && requests > 0) parts.push(`${count(requests)} ${requests === 1 ? "request" : "requests"}`);
  if (heldMs >= WAIT_SHOWN_MS) parts.push(`waiting ${renderDuration(wholeSeconds(heldMs))}${form.wait}`);
  else if (form.rate && rate !== undefined && rate > 0)
    parts.push(`${count(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))}/s`);
  if (leftMs !== undefined) parts.push(`${renderDuration(leftMs >= 10_000 ? wholeSeconds(leftMs) : leftMs)} left`);
  const hasBar = form.barWidth > 0 && total !== undefined && total > 0;
  const bar = hasBar ? ` ${renderBar(Math.min(1, done / total), form.barWidth)}` : "";
  return `${visible(label)} ${phase}${bar} ${parts.join(", ")}`;
}

/** Rounded up: what has a second left has not come. */
function wholeSeconds(duration: number): number {
  return Math.ceil(duration / 1000) * 1000;
}

function renderBar(ratio: number, width: number): string {
  const full = Math.floor(ratio * width);
  return `[${"#".repeat(full)}${"-".repeat(width - full)}] ${String(Math.floor(ratio * 100)).padStart(3)}%`;
}

/** `line` cut until it fits, so that it stays one line and can be redrawn in place. */
function cut(line: string, fits: (text: string) => boolean): string {
  if (fits(line)) return line;
  let shorter = "";
  for (const char of line) {
    if (!fits(shorter + char)) break;
    shorter += char;
  }
  return shorter;
}
