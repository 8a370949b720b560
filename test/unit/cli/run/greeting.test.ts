// The first screen of `kvsync run`: "in step from here on" is said once, and only when every mapping is.

import { expect, test } from "vitest";
import { openGreeting } from "../../../../src/cli/run/greeting.ts";
import type { MappingConfig } from "../../../../src/config/config.ts";
import { AppError } from "../../../../src/core/errors.ts";
import type { MappingEvent } from "../../../../src/daemon/daemon-event.ts";
import { openOutput, type OutputStream } from "../../../../src/cli/render/output.ts";

const RESULT = { written: 2, removed: 0, unchanged: 0, failed: 0, conflicts: 0, lagging: 0 };

function open(logTells = false) {
  let text = "";
  const stream: OutputStream = {
    write: (chunk) => {
      text += String(chunk);
      return true;
    },
    on: () => undefined,
  };
  const output = openOutput({
    stdout: stream,
    stderr: stream,
    env: {},
    json: false,
    quiet: false,
    verbose: false,
    progress: false,
    onClosed: () => undefined,
  });
  const greeting = openGreeting({ output, cwd: "/home", program: "kvsync", logTells, whenNone: "nothing" });
  const tell = (name: string, event: MappingEvent): void => greeting.listen({ ...event, mapping: mapping(name) });
  for (const name of ["a", "b"]) tell(name, { kind: "started" });
  greeting.expectAll();
  return { tell, text: () => text, tells: (name: string) => greeting.tells(name) };
}

function mapping(name: string): MappingConfig {
  return {
    name,
    mode: "push",
    folder: `/home/${name}`,
    account: "local",
    namespace: name,
    prefix: "",
    conflict: "keep-both",
  } as MappingConfig;
}

function round(result: object = {}, isFull = true): MappingEvent {
  const report = { result: { ...RESULT, ...result }, durationMs: 5, hold: undefined, isFull };
  return { kind: "round-ended", step: "full", report } as unknown as MappingEvent;
}

const failed: MappingEvent = {
  kind: "failed",
  error: new AppError("root-missing", "the folder /home/b cannot be used", { hint: "create it" }),
  retryInMs: 500,
  repeats: 0,
};

test("all in step", () => {
  const { tell, text } = open();
  tell("a", round());
  expect(text()).not.toContain("in step");
  tell("b", round());
  expect(text()).toMatch(/^a: a -> local:a: 2 written.*\nb: .*\nin step from here on\. Try:\n/);
});

test("one that fails is named with what to do, and all are in step once it is", () => {
  const { tell, text } = open();
  tell("a", round());
  tell("b", failed);
  tell("b", failed);
  expect(text()).not.toContain("from here on");
  expect(text().match(/not in step: b\./g)).toHaveLength(1);
  expect(text()).toContain("hint: create it");
  tell("b", round());
  tell("a", round());
  expect(text().match(/in step from here on/g)).toHaveLength(1);
});

test("one that is held names the command that lets it run", () => {
  const { tell, text } = open();
  const reason = JSON.stringify({ guard: "source-empty", removes: 3, side: "remote" });
  tell("a", { kind: "held", hold: { reason, plan: "0123456789" } } as unknown as MappingEvent);
  tell("b", round());
  expect(text()).toContain("not in step: a.");
  expect(text()).toContain("kvsync approve a --plan 0123456789");
  expect(text()).not.toContain("from here on");
});

test.each([{ failed: 1 }, { lagging: 1 }])("keys that are behind: %o", (behind) => {
  const { tell, text } = open();
  tell("a", round());
  tell("b", round(behind));
  expect(text()).toContain("not in step: b.");
  // A round over a few keys says nothing of those that failed.
  tell("b", round({}, false));
  expect(text()).not.toContain("from here on");
});

test("stopping while one is not in step does not make the rest seem all", () => {
  const { tell, text } = open();
  tell("a", round());
  tell("b", failed);
  tell("b", { kind: "stopped" });
  tell("a", round());
  expect(text()).not.toContain("from here on");
});

test("what a first round did is told once: here, or in the log where people look there", () => {
  const onTerminal = open();
  expect(onTerminal.tells("a")).toBe(true);
  onTerminal.tell("a", round());
  expect(onTerminal.tells("a")).toBe(false);
  expect(onTerminal.text()).toContain("2 written");

  const inLog = open(true);
  expect(inLog.tells("a")).toBe(false);
  inLog.tell("a", round());
  expect(inLog.text()).not.toContain("2 written");
  // The log has no line of a round that did nothing.
  inLog.tell("b", round({ written: 0, unchanged: 2 }));
  expect(inLog.text()).toContain("2 unchanged");
  expect(inLog.text()).toContain("in step from here on");
});
