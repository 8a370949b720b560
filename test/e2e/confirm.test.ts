// The question before what cannot be undone, on a real terminal: what is no yes deletes nothing.

import { type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, hasTerminals, runCli, startOnTerminal } from "../support/cli.ts";

let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-confirm-"));
  writeFileSync(join(cwd, "kvsync.yaml"), "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\n");
  expect(await runCli(["namespace", "create", "local:app"], { cwd })).toMatchObject({ code: 0 });
});

afterAll(() => rmSync(cwd, { recursive: true }));

/** Resolves when the terminal shows the question. */
function asked({ stdout }: ChildProcess): Promise<void> {
  let shown = "";
  return new Promise((resolve) => {
    stdout!.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
      if (shown.includes("[y/N]")) resolve();
    });
  });
}

describe.skipIf(!hasTerminals())("kvsync namespace delete on a terminal", () => {
  it.each([
    ["Enter", "\r", 1, "nothing was deleted"],
    ["no", "n\r", 1, "nothing was deleted"],
    ["Ctrl-D", "\u0004", 1, "nothing was deleted"],
    ["Ctrl-C", "\u0003", 130, "stopped by SIGINT"],
  ])("deletes nothing after %s", { timeout: 240_000 }, async (_, typed, code, told) => {
    const child = startOnTerminal(["namespace", "delete", "local:app"], { cwd });
    const run = ended(child);
    await asked(child);
    child.stdin!.write(typed);
    const { code: ending, stdout } = await run;
    expect({ code: ending, shown: stdout }).toEqual({ code, shown: expect.stringContaining(told) });
    expect(await runCli(["namespace", "get", "local:app"], { cwd })).toMatchObject({ code: 0 });
  });

  it("deletes nothing after a Ctrl-D that was typed before the question", { timeout: 240_000 }, async () => {
    const child = startOnTerminal(["namespace", "delete", "local:app"], { cwd });
    const run = ended(child);
    child.stdin!.write("\u0004");
    const { code, stdout } = await run;
    expect({ code, shown: stdout }).toEqual({ code: 1, shown: expect.stringContaining("nothing was deleted") });
  });
});
