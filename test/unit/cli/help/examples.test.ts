// The help of every command ends with an example that its own parser takes.

import type { Command } from "commander";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { loadAll } from "../../../../src/cli/command-entry.ts";
import { EXAMPLES } from "../../../../src/cli/help/examples.ts";
import { buildProgram } from "../../../../src/cli/program.ts";

const program = buildProgram(async () => {}, { out: () => undefined, err: () => undefined });
await loadAll(program);
const paths = pathsOf(program, []);

function pathsOf(command: Command, path: readonly string[]): readonly string[] {
  return [path.join(" "), ...command.commands.flatMap((sub) => pathsOf(sub, [...path, sub.name()]))];
}

async function help(path: string): Promise<string> {
  let text = "";
  const fresh = buildProgram(async () => {}, { out: (chunk) => (text += chunk), err: () => undefined });
  const words = path === "" ? [] : path.split(" ");
  await expect(fresh.parseAsync([...words, "--help"], { from: "user" })).rejects.toThrow(CommanderError);
  return text;
}

/** The arguments of each `kvsync` in a line of shell, as far as the examples go: words, and such in single quotes. */
function callsOf(line: string): readonly (readonly string[])[] {
  const calls = line.matchAll(/kvsync((?: (?:'[^']*'|[^ '|>)"]+))+)/g);
  return [...calls].map(([, rest = ""]) =>
    [...rest.matchAll(/'([^']*)'|([^ ']+)/g)].map(([, quoted, word]) => quoted ?? word ?? ""),
  );
}

test("there are examples for every command, and for no other", () => {
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(paths.toSorted());
});

test.each(paths)("kvsync %s --help ends with examples that it takes", async (path) => {
  const text = await help(path);
  const examples = EXAMPLES[path] ?? [];
  const end = examples.map(({ type, does }) => `  ${type}\n      ${does}\n`).join("");
  expect(text.endsWith(`\n${examples.length === 1 ? "Example" : "Examples"}:\n${end}`)).toBe(true);
  const started: string[] = [];
  for (const { type } of examples) {
    for (const args of callsOf(type)) {
      let isStarted = false;
      const fresh = buildProgram(async () => void (isStarted = true), { out: () => undefined, err: () => undefined });
      await fresh.parseAsync(args, { from: "user" });
      expect([type, isStarted]).toEqual([type, true]);
      started.push(args.join(" "));
    }
  }
  expect(started.some((args) => args.startsWith(path))).toBe(true);
});
