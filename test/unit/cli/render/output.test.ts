import { describe, expect, test } from "vitest";
import { openOutput, type OutputStream } from "../../../../src/cli/render/output.ts";
import { errorRecord, renderError } from "../../../../src/cli/render/render-error.ts";
import { AppError } from "../../../../src/core/errors.ts";

class Sink implements OutputStream {
  text = "";
  readonly isTTY: boolean;
  #onError: ((error: Error) => void) | undefined;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(chunk: string | Uint8Array, callback?: () => void): boolean {
    this.text += Buffer.from(chunk).toString();
    callback?.();
    return true;
  }

  on(_: "error", listener: (error: Error) => void): void {
    this.#onError = listener;
  }

  fail(code: string): void {
    this.#onError?.(Object.assign(new Error(code), { code }));
  }
}

function open(
  options: {
    json?: boolean;
    quiet?: boolean;
    verbose?: boolean;
    tty?: boolean;
    env?: Record<string, string>;
    onClosed?: () => void;
  } = {},
) {
  const [stdout, stderr] = [new Sink(options.tty === true), new Sink(options.tty === true)];
  const { json = false, quiet = false, verbose = false, env = {}, onClosed = () => undefined } = options;
  const output = openOutput({ stdout, stderr, env, json, quiet, verbose, progress: true, onClosed });
  output.line("line");
  output.event({ type: "event" });
  output.report("report");
  output.note("note");
  output.warn("warn");
  output.detail("detail");
  return { output, stdout, stderr };
}

describe("output", () => {
  test.each([
    ["by default", {}, "line\nreport\n", "note\nwarn\n"],
    [
      "with --json",
      { json: true },
      '{"type":"event"}\n',
      '{"type":"note","message":"note"}\n{"type":"warning","message":"warn"}\n',
    ],
    ["with --quiet", { quiet: true }, "line\n", "warn\n"],
    ["with -v", { verbose: true }, "line\nreport\n", "note\nwarn\ndetail\n"],
  ])("%s", (_, options, out, err) => {
    const { stdout, stderr } = open(options);
    expect([stdout.text, stderr.text]).toEqual([out, err]);
  });

  test.each<[string, { tty?: boolean; env?: Record<string, string> }, boolean]>([
    ["a pipe", {}, false],
    ["a terminal", { tty: true }, true],
    ["a terminal with NO_COLOR", { tty: true, env: { NO_COLOR: "1" } }, false],
    ["a dumb terminal", { tty: true, env: { TERM: "dumb" } }, false],
    ["a pipe with FORCE_COLOR", { env: { FORCE_COLOR: "1" } }, true],
  ])("%s has colour: %o", (_, options, coloured) => {
    expect(open(options).output.stdout.red("x")).toBe(coloured ? "\u001b[31mx\u001b[39m" : "x");
  });

  test("a progress bar only on a terminal that is not told to be quiet", () => {
    expect(open({ tty: true }).output.progressStream).toBeDefined();
    expect(open({ tty: true, quiet: true }).output.progressStream).toBeUndefined();
    expect(open().output.progressStream).toBeUndefined();
  });

  test("when the reader has gone, that is told once and nothing more is written", () => {
    let closed = 0;
    const { output, stdout } = open({ onClosed: () => closed++ });
    stdout.text = "";
    stdout.fail("EPIPE");
    stdout.fail("EPIPE");
    output.line("more");
    expect([closed, stdout.text]).toEqual([1, ""]);
  });

  test("what is live on the terminal is cleared before a line", () => {
    const { output, stderr } = open({ tty: true });
    stderr.text = "";
    output.setLive({ clear: () => stderr.write("<clear>") });
    output.note("x");
    expect(stderr.text).toBe("<clear>x\n");
  });
});

describe("an error", () => {
  const { stderr: style } = open().output;
  const error = new AppError("config-invalid", "first \u001b[2J\nsecond", {
    hint: "do this",
    cause: new Error("because", { cause: new Error("deep") }),
  });

  test("is shown with its hint, and nothing in it moves the cursor", () => {
    expect(renderError(error, style, false)).toBe("kvsync: first \\x1b[2J\nsecond\n  hint: do this");
  });

  test("is shown with its causes on demand", () => {
    expect(renderError(error, style, true)).toMatch(/ {2}cause: because\n {2}cause: deep$/);
  });

  test("is a record for programs", () => {
    expect(errorRecord(error)).toEqual({
      type: "error",
      code: "config-invalid",
      exitCode: 7,
      message: error.message,
      hint: "do this",
    });
  });

  test("that nobody foresaw is a bug, with its trace", () => {
    expect(renderError(new TypeError("oops"), style, false)).toMatch(
      /^kvsync: oops\nTypeError: oops\n[^]*this is a bug in kvsync/,
    );
    expect(errorRecord(new TypeError("oops"))).toMatchObject({ code: "bug", exitCode: 70 });
  });
});
