// Hooks of a mapping in a folder of its own, with real programs and a clock that is moved by hand.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HookConfig } from "../../../src/config/config.ts";
import { type Hooks, type HooksOptions, openHooks } from "../../../src/mapping/hooks/hooks.ts";
import type { LogFields } from "../../../src/daemon/report/log-fields.ts";
import type { Log, LogLevel } from "../../../src/daemon/report/log.ts";
import { FakeClock } from "../../support/fake-clock.ts";

interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface Workshop {
  readonly clock: FakeClock;
  readonly folder: string;
  readonly lines: readonly LogLine[];
  open(hooks: HooksOptions["hooks"], more?: Partial<HooksOptions>): Hooks;
  /** Resolves to the first line from `from` on whose message matches, now or later. */
  logged(pattern: RegExp, from?: number): Promise<LogLine>;
  /** The text of a file in the folder; "" while there is none. */
  text(name: string): string;
  /** Resolves when the file has a text that `isDone` accepts. */
  until(name: string, isDone: (text: string) => boolean): Promise<string>;
  /** Resolves as `until`, and moves time on in small steps meanwhile. */
  advanceUntil(name: string, isDone: (text: string) => boolean): Promise<string>;
  /** Resolves with the promise, and moves time on in small steps meanwhile. */
  advanceWith(promise: Promise<unknown>): Promise<void>;
  /** A shell waits there with `read _ < NAME` until it is opened with `pass`, once. A later one is told by `[ -e NAME.open ]`. */
  gate(name: string): void;
  pass(name: string): Promise<void>;
  close(): void;
}

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-hooks-"));
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  const at =
    (level: LogLevel, common: LogFields) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...common, ...fields } });
      for (const listener of listeners) listener();
    };
  const logWith = (common: LogFields): Log => ({
    debug: at("debug", common),
    info: at("info", common),
    warn: at("warn", common),
    error: at("error", common),
    with: (fields) => logWith({ ...common, ...fields }),
  });
  const text = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  return {
    clock,
    folder,
    lines,
    open: (hooks, more = {}) =>
      openHooks({
        clock,
        log: logWith({ mapping: "app-config" }),
        hooks,
        mapping: "app-config",
        folder,
        env: { PATH: process.env["PATH"] },
        ...more,
      }),
    logged: (pattern, from = 0) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = lines.slice(from).find((line) => pattern.test(line.message));
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
    text,
    until: async (name, isDone) => {
      while (!isDone(text(name))) await new Promise((resolve) => setImmediate(resolve));
      return text(name);
    },
    advanceUntil: async (name, isDone) => {
      while (!isDone(text(name))) await clock.advance(250);
      return text(name);
    },
    advanceWith: async (promise) => {
      const state = { isDone: false };
      void promise.finally(() => (state.isDone = true));
      while (!state.isDone) await clock.advance(10);
      await promise;
    },
    gate: (name) => void execFileSync("sh", ["-c", 'mkfifo "$0"', join(folder, name)]),
    pass: async (name) => {
      await writeFile(join(folder, `${name}.open`), "");
      await writeFile(join(folder, name), "\n");
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A hook that runs `script` in a shell. */
export function shell(script: string, more: Partial<HookConfig> = {}): HookConfig {
  return { run: ["sh", "-c", script], debounceMs: 1000, timeoutMs: 60_000, ...more };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody has asked about is none.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
