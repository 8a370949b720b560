import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type CommandNames, renderCompletion, shells } from "../../../../src/cli/help/completion-script.ts";

const commands: readonly CommandNames[] = [
  {
    path: [],
    subcommands: [
      { name: "key", summary: "Single keys" },
      { name: "push", summary: "Don't stop" },
    ],
    options: [
      { long: "--json", description: "JSON" },
      { long: "--config", short: "-c", description: "File", value: { kind: "files" } },
    ],
  },
  {
    path: ["key"],
    subcommands: [
      { name: "list", summary: "List" },
      { name: "delete", summary: "Delete" },
    ],
    options: [],
  },
  {
    path: ["key", "list"],
    subcommands: [],
    options: [
      { long: "--prefix", description: "Only 'these'", value: { kind: "other" } },
      { long: "--namespace", short: "-n", description: "Where", value: { kind: "names", of: "namespaces" } },
      { long: "--format", description: "How", value: { kind: "words", words: ["json", "text"] } },
    ],
  },
  { path: ["key", "delete"], subcommands: [], options: [] },
  { path: ["push"], subcommands: [], options: [{ long: "--dry-run", description: "" }], takes: ["mappings"] },
];

/** Stands for the program that a script asks for names. */
const PROGRAM =
  'kvsync() { [ "$*" = "completion names mappings" ] && echo "site"; [ "$*" = "completion names namespaces" ] && printf "site\\nprod:\\nprod:app\\n"; true; }';

const has = (shell: string): boolean => spawnSync(shell, ["-c", ":"]).status === 0;

describe.skipIf(!has("bash"))("in bash", () => {
  test.each([
    ["kvsync ", "key push --json --config"],
    ["kvsync k", "key"],
    ["kvsync key ", "list delete --json --config"],
    ["kvsync --json key l", "list"],
    ["kvsync key list --p", "--prefix"],
    ["kvsync push --", "--dry-run --json --config"],
    ["kvsync push s", "site"],
    ["kvsync key list -n ", "site prod: prod:app"],
    ["kvsync key list --namespace p", "prod: prod:app"],
    // What is before the colon stands there already.
    ["kvsync key list -n prod:a", "app"],
    ["kvsync key list --prefix ", ""],
    ["kvsync key list --format ", "json text"],
    ["kvsync --config ./x push s", "site"],
    ["kvsync push --json s", "site"],
  ])("%j offers %s", (line, offered) => {
    const script = `${PROGRAM}
      ${renderCompletion("bash", commands)}
      COMP_LINE="${line}"; COMP_POINT=\${#COMP_LINE}; _kvsync; echo "\${COMPREPLY[@]}"`;
    expect(spawnSync("bash", ["-c", script], { encoding: "utf8" })).toMatchObject({
      stdout: `${offered}\n`,
      stderr: "",
    });
  });
});

const FISH = shells[2];

describe.skipIf(!has(FISH))("in fish", () => {
  test.each([
    ["kvsync push s", "site"],
    ["kvsync key list -n p", "prod:"],
    ["kvsync key l", "list"],
  ])("%j offers %s", (line, offered) => {
    const script = `function kvsync; test "$argv" = "completion names mappings"; and echo site; test "$argv" = "completion names namespaces"; and printf "site\\nprod:\\nprod:app\\n"; end
${renderCompletion("fish", commands)}
complete -C "${line}"`;
    const { stdout } = spawnSync(FISH, ["--no-config", "-c", script], { encoding: "utf8" });
    expect(stdout.split("\n").map((text) => text.split("\t")[0])).toContain(offered);
  });
});

test.each(shells.filter(has))("what is written for %s is valid there", (shell) => {
  // fish reads no script to check from stdin.
  const folder = mkdtempSync(join(tmpdir(), "kvsync-completion-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, "script");
  writeFileSync(script, renderCompletion(shell, commands));
  const check = spawnSync(shell, ["-n", script], { encoding: "utf8" });
  expect([check.status, check.stderr]).toEqual([0, ""]);
});
