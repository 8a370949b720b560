// Which mappings push, pull, sync and diff carry, by mode, with and without names.

import { describe, expect, test } from "vitest";
import { selectMappings, type SelectOptions } from "../../../../src/cli/input/select-mappings.ts";

const up = { name: "up", mode: "push" } as const;
const down = { name: "down", mode: "pull" } as const;
const both = { name: "both", mode: "two-way" } as const;
const all = [up, down, both];

const options = (command: SelectOptions["command"], more: Partial<SelectOptions> = {}): SelectOptions => ({
  command,
  isNamed: false,
  againstMode: false,
  ...more,
});

describe("without names", () => {
  test.each([
    { command: "push", carried: [up], leftOut: [down, both] },
    { command: "pull", carried: [down], leftOut: [up, both] },
    { command: "sync", carried: all, leftOut: [] },
    { command: "diff", carried: all, leftOut: [] },
  ] as const)("$command", ({ command, carried, leftOut }) => {
    expect(selectMappings(all, options(command))).toEqual({ carried, leftOut });
  });

  test("nothing of that mode is wrong usage", () => {
    expect(() => selectMappings([down, both], options("push"))).toThrow("there is no mapping of mode push");
  });

  test("--against-mode is for what is named", () => {
    expect(() => selectMappings(all, options("push", { againstMode: true }))).toThrow("needs the name of a mapping");
  });
});

describe("by name", () => {
  test.each([
    { command: "push", mapping: down },
    { command: "pull", mapping: up },
  ] as const)("$command of a mapping of mode $mapping.mode needs --against-mode", ({ command, mapping }) => {
    const named = options(command, { isNamed: true });
    expect(() => selectMappings([mapping], named)).toThrow(`is of mode ${mapping.mode}`);
    expect(selectMappings([mapping], { ...named, againstMode: true }).carried).toEqual([mapping]);
  });

  test.each(["push", "pull"] as const)("%s takes a two-way mapping one way", (command) => {
    expect(selectMappings([both], options(command, { isNamed: true })).carried).toEqual([both]);
  });
});
