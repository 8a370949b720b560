// The daemon's log: one line an event. JSON by pino where programs read it; a line for people on a terminal; and with
// sd-daemon's priority before it where the journal takes it, so that `journalctl -p warning` works. pino is loaded when
// a log of JSON is opened: it costs a command that needs none 18 ms.

import { fstatSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { encodeFields, hideSecrets, type LogFields, type LoggedError } from "./log-fields.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Messages are in lower case and name their noun; what varies and what programs look for goes into fields. Fields whose
 * names look like secrets are hidden; an Error under `error` is told by its code, message, hint and causes. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log, with `fields` on each of its lines: `log.with({ mapping: "app-config" })`. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly clock: Clock;
  /** Nothing below it is written. */
  readonly level: LogLevel;
  /** process.stderr fits. Who hands it in minds its errors. */
  readonly stream: { write(text: string): unknown };
  /** People read `stream`. */
  readonly isTerminal: boolean;
  /** systemd's journal reads `stream`; see {@link isJournalStream}. */
  readonly isJournald: boolean;
  /** Colour the levels, on a terminal. */
  readonly colours?: boolean;
}

/** Writes one line; fields are encoded, and free of secrets. */
type Sink = (level: LogLevel, message: string, fields: Record<string, unknown>) => void;

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export async function openLog(options: LogOptions): Promise<Log> {
  const sink = options.isTerminal ? terminalSink(options) : await jsonSink(options);
  return logTo(sink, RANKS[options.level], {});
}

/** Whether file descriptor `fd` is the journal, as systemd tells in `journalStream` (the environment's JOURNAL_STREAM,
 * "DEVICE:INODE"): the variable alone is also seen by whatever was started with another stderr. */
export function isJournalStream(journalStream: string | undefined, fd: number): boolean {
  if (journalStream === undefined || journalStream === "") return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return journalStream === `${dev}:${ino}`;
}

function logTo(sink: Sink, rankMin: number, common: Record<string, unknown>): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (RANKS[level] >= rankMin) sink(level, hideSecrets(message), { ...common, ...encodeFields(fields) });
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => logTo(sink, rankMin, { ...common, ...encodeFields(fields) }),
  };
}

/** sd-daemon(3): the journal takes `<3>` at the start of a line for its priority, syslog's. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

async function jsonSink({ clock, stream, isJournald }: LogOptions): Promise<Sink> {
  const { pino } = await import("pino");
  let prefix = "";
  const json = pino(
    {
      base: null,
      level: "debug",
      messageKey: "message",
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void stream.write(prefix + line) },
  );
  return (level, message, fields) => {
    if (isJournald) prefix = `<${PRIORITIES[level]}>`;
    json[level](fields, message);
  };
}

const COLOURS: Readonly<Record<LogLevel, string>> = { debug: "2", info: "0", warn: "33", error: "31" };

/** By hand: pino-pretty would read back what pino wrote, for a line of five parts. */
function terminalSink({ clock, stream, colours = false }: LogOptions): Sink {
  return (level, message, { mapping, backup, error, ...fields }) => {
    const time = new Date(clock.now()).toTimeString().slice(0, 8);
    const word = colours ? `\u001b[${COLOURS[level]}m${level.padEnd(5)}\u001b[0m` : level.padEnd(5);
    const about = mapping ?? (backup === undefined ? undefined : `backup ${renderValue(backup)}`);
    const subject = about === undefined ? "" : `${renderValue(about)}: `;
    const { text, hint } = renderError(error);
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${renderValue(value)}`);
    const lines = [`${time} ${word} ${subject}${visible(message)}${text}${rest.join("")}`];
    if (hint !== undefined) lines.push(`               hint: ${visible(hint)}`);
    stream.write(`${lines.join("\n")}\n`);
  };
}

function renderError(error: unknown): { readonly text: string; readonly hint?: string | undefined } {
  if (error === undefined) return { text: "" };
  if (typeof error !== "object" || error === null || !("message" in error)) return { text: `: ${renderValue(error)}` };
  const { message, hint, stack } = error as LoggedError;
  // Only a bug has its stack here, and only that tells where it is.
  return { text: `: ${stack === undefined ? visible(message) : stack.split("\n").map(visible).join("\n")}`, hint };
}

function renderValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? visible(text) : visible(JSON.stringify(text));
}
