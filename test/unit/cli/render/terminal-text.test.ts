import { describe, expect, test } from "vitest";
import { openOutput } from "../../../../src/cli/render/output.ts";
import { printableJson } from "../../../../src/cli/render/printable-json.ts";
import { terminalFault, writeValue } from "../../../../src/cli/render/terminal-text.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("what a terminal is not given", () => {
  test.each([
    ["a NUL byte", bytes("a\0b"), "is binary"],
    ["what is no UTF-8", Buffer.from([0x61, 0xff]), "is binary"],
    ["an escape sequence", bytes("a\u001b[2Jb"), "has control characters (\\x1b)"],
    ["one of C1", bytes("a\u009b2Jb"), "has control characters (\\x9b)"],
    ["a carriage return that writes over the line", bytes("rm -rf /\rls"), "has control characters (\\x0d)"],
    ["a backspace", bytes("a\bb"), "has control characters (\\x08)"],
  ])("%s", (_, value, fault) => expect(terminalFault(value)).toBe(fault));

  test.each(["", "plain", "tab\tand\nlines\r\n", "späße 😀 שלום"])("but text: %j", (text) =>
    expect(terminalFault(bytes(text))).toBe(undefined),
  );
});

describe("a value", () => {
  const open = (isTTY: boolean) => {
    const written: Uint8Array[] = [];
    const stream = {
      isTTY,
      on: () => undefined,
      write: (chunk: string | Uint8Array, done?: () => void) => {
        written.push(Buffer.from(chunk));
        done?.();
        return true;
      },
    };
    const off = { json: false, quiet: false, verbose: false, progress: false };
    const output = openOutput({ stdout: stream, stderr: stream, env: {}, ...off, onClosed: () => undefined });
    return { output, written: () => Buffer.concat(written) };
  };
  const evil = bytes("a\u001b[2J");
  const unasked = { what: 'the value of "k"', force: false, hint: "write it to a file" };

  test("that is no text goes to a pipe, and to a terminal by force alone", async () => {
    const pipe = open(false);
    await writeValue(pipe.output, evil, unasked);
    expect(pipe.written()).toEqual(evil);
    const terminal = open(true);
    await expect(writeValue(terminal.output, evil, unasked)).rejects.toMatchObject({
      code: "not-text",
      message: 'the value of "k" has control characters (\\x1b), and would go to a terminal',
    });
    expect(terminal.written()).toHaveLength(0);
    await writeValue(terminal.output, evil, { ...unasked, force: true });
    expect(terminal.written()).toEqual(evil);
  });
});

test("JSON is printable and means the same", () => {
  const data = { key: "a\u007f\u009b\u2028\u202e\u2066b", plain: "ä😀" };
  const json = printableJson(JSON.stringify(data));
  expect(json).toBe('{"key":"a\\u007f\\u009b\\u2028\\u202e\\u2066b","plain":"ä😀"}');
  expect(JSON.parse(json)).toEqual(data);
});
