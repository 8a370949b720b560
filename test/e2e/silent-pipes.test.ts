// A pipe that nobody writes to, or whose writer says nothing, holds no command: a signal ends it.

import { type ChildProcess, execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type CliRun, ended, runCli, startCli } from "../support/cli.ts";

const STOP_MS_MAX = 5000;

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-silent-"));
  execFileSync("mkfifo", [join(cwd, "pipe")]);
  writeFileSync(join(cwd, "kvsync.yaml"), "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\n");
});

afterAll(() => rmSync(cwd, { recursive: true }));

const COMMANDS: readonly (readonly string[])[] = [
  ["key", "put", "k", "-n", "app", "--path"],
  ["bulk", "put", "-n", "app"],
  ["bulk", "get", "-n", "app"],
  ["bulk", "delete", "-n", "app"],
  ["apply"],
];

const TABLE = COMMANDS.flatMap((args) =>
  (["SIGINT", "SIGTERM"] as const).map((signal) => ({ name: args.slice(0, 2).join(" "), args, signal })),
);

/** How `child` ended after `signal`, which it has five seconds to heed. */
async function stop(child: ChildProcess, run: Promise<CliRun>, signal: NodeJS.Signals): Promise<object> {
  child.kill(signal);
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  const { code, signal: killedBy, stderr } = await run;
  clearTimeout(killer);
  return { end: killedBy ?? code, told: JSON.parse(stderr) as unknown };
}

function stopped(signal: "SIGINT" | "SIGTERM"): object {
  const exitCode = signal === "SIGINT" ? 130 : 143;
  return {
    end: exitCode,
    told: { type: "error", code: "interrupted", exitCode, message: `stopped by ${signal}` },
  };
}

/** Opens the pipe for writing as soon as somebody reads it. */
const openWriter = (): Promise<number> =>
  vi.waitFor(() => openSync(join(cwd, "pipe"), constants.O_WRONLY | constants.O_NONBLOCK), { timeout: 20_000 });

describe("a command that reads a pipe", () => {
  it.each(TABLE)(
    "ends with $signal while the writer is silent: $name",
    { timeout: 40_000 },
    async ({ args, signal }) => {
      const child = startCli([...args, "pipe", "--json"], { cwd });
      const run = ended(child);
      const writer = await openWriter();
      try {
        expect(await stop(child, run, signal)).toEqual(stopped(signal));
      } finally {
        closeSync(writer);
      }
    },
  );

  it.each(TABLE)("ends with $signal while stdin is silent: $name", { timeout: 240_000 }, async ({ args, signal }) => {
    const child = startCli([...args, "-", "--json"], { cwd });
    const run = ended(child);
    // More than is in between can hold: it is taken only once the command reads.
    await new Promise((resolve) => child.stdin!.write(" ".repeat(900_000), resolve));
    expect(await stop(child, run, signal)).toEqual(stopped(signal));
  });

  const isLinux = process.platform === "linux";
  const hasOpened = (child: ChildProcess): Promise<void> =>
    vi.waitFor(
      () => {
        const folder = `/proc/${child.pid}/fd`;
        const open = readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)));
        expect(open).toContain(join(cwd, "pipe"));
      },
      { timeout: 20_000 },
    );

  it.skipIf(!isLinux).each(TABLE)(
    "ends with $signal while there is no writer: $name",
    { timeout: 40_000 },
    async ({ args, signal }) => {
      const child = startCli([...args, "pipe", "--json"], { cwd });
      const run = ended(child);
      await hasOpened(child);
      expect(await stop(child, run, signal)).toEqual(stopped(signal));
    },
  );

  it.skipIf(!isLinux)("waits for the first writer", { timeout: 240_000 }, async () => {
    expect(await runCli(["namespace", "create", "local:app"], { cwd })).toMatchObject({ code: 0 });
    const child = startCli(["key", "put", "k", "-n", "app", "--path", "pipe"], { cwd });
    const run = ended(child);
    await hasOpened(child);
    writeFileSync(join(cwd, "pipe"), "late");
    expect(await run).toMatchObject({ code: 0 });
    expect(await runCli(["key", "get", "k", "-n", "app"], { cwd })).toMatchObject({ stdout: "late" });
  });
});
