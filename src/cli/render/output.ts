// What a command says: results on stdout, everything else on stderr. With --json, all lines are JSON, on stderr too, and only
// results are on stdout. Control characters that come from keys and servers are made visible wherever people read.

import { stripVTControlCharacters } from "node:util";
import { type AppError, visible } from "../../core/errors.ts";
import { redact } from "../../core/redact.ts";
import { printableJson } from "./printable-json.ts";
import { stdoutFailure } from "./stdout-failure.ts";

/** The part of a stream that is used; process.stdout and process.stderr fit. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(chunk: string | Uint8Array, callback?: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** False: never a progress bar. */
  readonly progress: boolean;
  /** Told once when stdout takes nothing more: nobody reads it, or it has failed. */
  readonly onClosed: (failure: AppError | undefined) => void;
  /** Aborted when the command is to stop: then no reader of stdout is waited for. */
  readonly signal?: AbortSignal | undefined;
}

export interface Output {
  readonly json: boolean;
  readonly stdout: Style;
  readonly stderr: Style;
  /** The stream for a progress bar, or undefined where there is to be none. */
  readonly progressStream: OutputStream | undefined;
  /** Data as it is. Resolves when the reader has taken it, so that a slow one is waited for; rejects with the signal's reason
   * when the command is to stop. */
  write(data: string | Uint8Array): Promise<void>;
  /** A line of result for people. Nothing with --json. */
  line(text: string): void;
  /** A line that says what was done: as `line`, but nothing with --quiet. What was asked for, what failed and what is held
   * or in conflict is no such line. */
  report(text: string): void;
  /** A line of result for programs. Nothing without --json. */
  event(record: object): void;
  /** On stderr, unless --quiet. With --json this, and what follows, is a record `{"type":"note","message":...}`. */
  note(text: string): void;
  /** On stderr, always. `record`: what programs get instead of the text. */
  warn(text: string, record?: object): void;
  /** On stderr, with -v. */
  detail(text: string): void;
  /** What stands on the terminal and has to be taken away before a line is written. */
  setLive(live: { readonly clear: () => void } | undefined): void;
  /** Resolves when all that was written has left. */
  flush(): Promise<void>;
}

export interface Style {
  readonly isTerminal: boolean;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

export function openOutput(options: OutputOptions): Output {
  const { stdout, stderr, env, json, quiet, verbose, signal } = options;
  let live: { readonly clear: () => void } | undefined;
  let closed = false;
  stdout.on("error", (error) => {
    if (closed) return;
    closed = true;
    options.onClosed((error as NodeJS.ErrnoException).code === "EPIPE" ? undefined : stdoutFailure(error));
  });
  // Nobody is left to be told.
  stderr.on("error", () => undefined);

  const tell = (type: "note" | "warning" | "detail", text: string, record?: object): void => {
    const told = record ?? { type, message: stripVTControlCharacters(text).trim() };
    put(stderr, json ? `${printableJson(JSON.stringify(told))}\n` : `${text}\n`);
  };
  const put = (stream: OutputStream, text: string): void => {
    live?.clear();
    if (stream !== stdout || !closed) stream.write(redact(text));
  };
  return {
    json,
    stdout: styleOf(stdout, env),
    stderr: styleOf(stderr, env),
    progressStream: options.progress && !quiet && stderr.isTTY === true && env["TERM"] !== "dumb" ? stderr : undefined,
    write: (data) =>
      new Promise((resolve, reject) => {
        if (closed) return resolve();
        const onAbort = (): void => reject(signal?.reason as Error);
        if (signal?.aborted === true) return onAbort();
        signal?.addEventListener("abort", onAbort, { once: true });
        live?.clear();
        // A failure arrives at the listener above, and again here.
        stdout.write(data, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
      }),
    line: (text) => {
      if (!json) put(stdout, `${text}\n`);
    },
    report: (text) => {
      if (!json && !quiet) put(stdout, `${text}\n`);
    },
    event: (record) => {
      if (json) put(stdout, `${printableJson(JSON.stringify(record))}\n`);
    },
    note: (text) => {
      if (!quiet) tell("note", text);
    },
    warn: (text, record) => tell("warning", text, record),
    detail: (text) => {
      if (verbose) tell("detail", text);
    },
    setLive: (next) => {
      live = next;
    },
    flush: async () => {
      live?.clear();
      await Promise.all([drained(stdout, closed), drained(stderr, false)]);
    },
  };
}

/** `text` of several lines with control characters made visible, but for the line breaks between them. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/** Colour on a terminal only, and neither with NO_COLOR (no-color.org) nor where TERM says that there is none. */
function styleOf(stream: OutputStream, env: OutputOptions["env"]): Style {
  const isTerminal = stream.isTTY === true;
  const colours = env["FORCE_COLOR"] ? true : isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  const style = (open: number, close: number) => (text: string) =>
    colours ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    isTerminal,
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
  };
}

function drained(stream: OutputStream, closed: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (closed) resolve();
    else stream.write("", () => resolve());
  });
}
