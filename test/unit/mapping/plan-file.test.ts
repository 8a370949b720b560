// A plan as a file: any reader of JSON reads it, kvsync reads back what it wrote, and what was changed since is refused.

import { createHash } from "node:crypto";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareUtf8 } from "../../../src/core/key.ts";
import type { RemoveAction, WriteAction } from "../../../src/engine/plan/action.ts";
import { Plan } from "../../../src/engine/plan/plan.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openSpool } from "../../../src/journal/spool.ts";
import { openPlanFile, type PlanFile, readPlanFile } from "../../../src/mapping/plan-file.ts";
import { HOSTILE_KEYS } from "../../conformance/replica-suite.ts";
import { collect, entryOf, keyOf } from "../../support/values.ts";

const ABOUT = { version: "1.2.3", plannedAt: "2026-11-28T05:00:00.000Z" };
const journal = openScratchJournal();

let dir = "";
let path = "";
let spools = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-plan-file-"));
  path = join(dir, "plan.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

type Change = WriteAction | RemoveAction;

function writeOf(key: string, to: Change["to"] = "destination"): WriteAction {
  const from = entryOf(key, `value of ${key}`, { metadata: '{"a":"\u2028"}' });
  const replaces = entryOf(key, "old");
  return {
    kind: "write",
    to,
    key: from.key,
    from,
    replaces,
    save: true,
    ifDifferent: false,
    conflict: undefined,
    isKnown: true,
  };
}

function removeOf(key: string, to: Change["to"] = "destination"): RemoveAction {
  return { kind: "remove", to, key: keyOf(key), replaces: entryOf(key, "old"), save: false };
}

function planOf(changes: readonly Change[]): Plan {
  const plan = new Plan(openSpool(journal, ++spools));
  for (const change of changes.toSorted((a, b) => compareUtf8(a.key, b.key))) plan.add(change);
  return plan;
}

function write(rounds: readonly (readonly Change[])[]): string {
  const file = openPlanFile(path, ABOUT);
  for (const [index, changes] of rounds.entries()) file.add({ mapping: `m${index}` }, planOf(changes));
  return file.commit();
}

async function keysOf({ rounds }: PlanFile): Promise<readonly (readonly string[])[]> {
  const keys: string[][] = [];
  for (const round of rounds) keys.push((await collect(round.actions())).map(({ key }) => key));
  return keys;
}

const MIXED: readonly Change[] = HOSTILE_KEYS.map((key, index) => {
  const to = index % 2 === 0 ? "source" : "destination";
  return index % 3 === 0 ? removeOf(key, to) : writeOf(key, to);
});

interface Written {
  readonly digest: string;
  readonly rounds: readonly { readonly mapping: string; readonly actions: readonly { readonly key: string }[] }[];
}

describe("a plan file", () => {
  it("is JSON with an action a line, in key order, and is read back as it was written", async () => {
    const digest = write([MIXED]);
    const text = readFileSync(path, "utf8");
    const sorted = [...HOSTILE_KEYS].toSorted(compareUtf8);
    const json = JSON.parse(text) as Written;
    expect(json).toMatchObject({ kvsync: "plan", format: 1, ...ABOUT, digest: `sha256-${digest}` });
    expect(json.rounds[0]?.actions.map(({ key }) => key)).toEqual(sorted);
    expect(text.split("\n")).toHaveLength(5 + HOSTILE_KEYS.length);
    expect(text).not.toMatch(/[\u2028\u2029\r]/);
    const read = await readPlanFile(path);
    expect(read).toMatchObject({ digest, plannedAt: ABOUT.plannedAt });
    const [round] = read.rounds;
    const writes = MIXED.filter(({ kind }) => kind === "write").length;
    expect(round).toMatchObject({ subject: { mapping: "m0" }, writes, removes: MIXED.length - writes });
    const actions = await collect(round!.actions());
    for (const [index, key] of sorted.entries()) {
      const { kind, to, replaces, save, ...more } = MIXED.find((change) => change.key === key)!;
      const from = kind === "write" ? (more as WriteAction).from : undefined;
      expect(actions[index]).toEqual({ kind, to, key, from, replaces, save, conflict: undefined });
    }
    // As often as it is asked.
    expect(await collect(round!.actions())).toEqual(actions);
  });

  it("holds no values", () => {
    write([[writeOf("k")]]);
    expect(readFileSync(path, "utf8")).not.toContain("value of");
  });

  it("holds several rounds, also those without actions, and more actions than a page has", async () => {
    const many = Array.from({ length: 1234 }, (_, index) => writeOf(`k${String(index).padStart(4, "0")}`));
    write([[], many, [removeOf("a")], []]);
    expect((JSON.parse(readFileSync(path, "utf8")) as Written).rounds.map(({ actions }) => actions.length)).toEqual([
      0, 1234, 1, 0,
    ]);
    const read = await readPlanFile(path);
    expect(read.rounds.map(({ subject }) => subject["mapping"])).toEqual(["m0", "m1", "m2", "m3"]);
    expect(await keysOf(read)).toEqual([[], many.map(({ key }) => key), ["a"], []]);
  });

  it("may have no rounds", async () => {
    const digest = write([]);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ rounds: [], digest: `sha256-${digest}` });
    expect(await readPlanFile(path)).toMatchObject({ digest, rounds: [] });
  });

  it("is the same with the line ends of another system", async () => {
    const digest = write([[removeOf("a"), writeOf("b")]]);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
    const read = await readPlanFile(path);
    expect(read.digest).toBe(digest);
    expect(await keysOf(read)).toEqual([["a", "b"]]);
  });

  it("replaces another plan at once, and leaves nothing behind that is not finished", async () => {
    const first = write([[writeOf("a")]]);
    const file = openPlanFile(path, ABOUT);
    file.add({ mapping: "m0" }, planOf([writeOf("b")]));
    expect((await readPlanFile(path)).digest).toBe(first);
    file.discard();
    expect(readdirSync(dir)).toEqual(["plan.json"]);
    const second = write([[writeOf("b")]]);
    expect((await readPlanFile(path)).digest).toBe(second);
    expect(readdirSync(dir)).toEqual(["plan.json"]);
  });

  it("leaves nothing behind where it cannot be put in its place", () => {
    const file = openPlanFile(path, ABOUT);
    mkdirSync(join(path, "in-the-way"), { recursive: true });
    expect(() => file.commit()).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    file.discard();
    file.discard();
    expect(readdirSync(dir)).toEqual(["plan.json"]);
  });

  it("takes the place of an older plan, also through a symbolic link, and of no other file", () => {
    for (let i = 0; i < 2; i++) openPlanFile(path, { ...ABOUT, plannedAt: `then ${i}` }).commit();
    expect(readFileSync(path, "utf8")).toContain("then 1");
    const link = join(dir, "link");
    symlinkSync(path, link);
    openPlanFile(link, { ...ABOUT, plannedAt: "through a link" }).commit();
    expect([lstatSync(link).isSymbolicLink(), readFileSync(path, "utf8")]).toEqual([
      true,
      expect.stringContaining("through a link"),
    ]);
    writeFileSync(path, "accounts: {}");
    expect(() => openPlanFile(path, ABOUT)).toThrow(/is no plan: it is not overwritten/);
    expect(readFileSync(path, "utf8")).toBe("accounts: {}");
    writeFileSync(path, "");
    expect(() => openPlanFile(path, ABOUT).commit()).not.toThrow();
  });

  it("is written into what is no file, a pipe say, which stays what it is", async () => {
    const pipe = join(dir, "pipe");
    execFileSync("mkfifo", [pipe]);
    const reader = spawn("cat", [pipe], { stdio: ["ignore", "pipe", "ignore"] });
    let read = "";
    reader.stdout.on("data", (chunk: Buffer) => (read += chunk.toString()));
    openPlanFile(pipe, ABOUT).commit();
    await once(reader, "close");
    expect(JSON.parse(read)).toMatchObject({ kvsync: "plan" });
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });
});

describe("a plan file that is not as it was written", () => {
  const lines = (text: string): string[] => text.split("\n").slice(0, -1);
  const rejoin = (all: readonly string[]): string => `${all.join("\n")}\n`;

  it.each<[string, (text: string) => string]>([
    ["edited: a key", (text) => text.replace('"key":"b"', '"key":"x"')],
    ["edited: an action", (text) => text.replace('"action":"write"', '"action":"remove"')],
    ["edited: the mapping", (text) => text.replace('"mapping":"m0"', '"mapping":"m1"')],
    ["edited: the time", (text) => text.replace("T05:", "T06:")],
    ["edited: a blank", (text) => text.replace('"to":', '"to": ')],
    [
      "edited: the digest",
      (text) => text.replace(/sha256-./, (found) => (found.endsWith("0") ? "sha256-1" : "sha256-0")),
    ],
    ["reordered", (text) => rejoin(lines(text).toSpliced(2, 2, lines(text)[3]!, lines(text)[2]!))],
    ["without an action", (text) => rejoin(lines(text).toSpliced(2, 1))],
    ["with an action twice", (text) => rejoin(lines(text).toSpliced(2, 0, lines(text)[2]!))],
    ["without a round", (text) => rejoin(lines(text).toSpliced(5, 3))],
    ["without its last line", (text) => rejoin(lines(text).slice(0, -1))],
    ["cut in its last line", (text) => text.slice(0, -20)],
    ["cut in an action", (text) => text.slice(0, text.indexOf('"key":"b"'))],
    ["cut after its first line", (text) => rejoin(lines(text).slice(0, 1))],
    ["with something behind it", (text) => `${text}\n`],
    ["twice in the file", (text) => text + text],
    ["formatted anew", (text) => JSON.stringify(JSON.parse(text), undefined, 2)],
    ["on one line", (text) => JSON.stringify(JSON.parse(text))],
    ["empty", () => ""],
    ["another file", () => '{"keys":[]}\n'],
    ["of another format", (text) => text.replace('"format":1', '"format":2')],
  ])("is refused: %s", async (_, change) => {
    write([[removeOf("a"), writeOf("b"), writeOf("c")], [writeOf("d")]]);
    const text = readFileSync(path, "utf8");
    const changed = change(text);
    expect(changed).not.toBe(text);
    writeFileSync(path, changed);
    await expect(readPlanFile(path)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/is no plan$|: its digest differs$|is of another version of kvsync$/) as string,
    });
  });

  it.each<[string, (all: readonly string[]) => string[]]>([
    ["reordered", (all) => all.toSpliced(2, 2, `${all[3]!},`, all[2]!.slice(0, -1))],
    ["with an action twice", (all) => all.toSpliced(2, 0, all[2]!)],
  ])("is refused though its digest was made anew: %s", async (_, change) => {
    write([[removeOf("a"), writeOf("b")]]);
    const changed = change(lines(readFileSync(path, "utf8"))).slice(0, -1);
    const digest = createHash("sha256").update(rejoin(changed)).digest("hex");
    writeFileSync(path, rejoin([...changed, `],"digest":"sha256-${digest}"}`]));
    const { rounds } = await readPlanFile(path);
    await expect(collect(rounds[0]!.actions())).rejects.toMatchObject({ code: "usage" });
  });

  it("is refused when it is replaced between the look at its digest and that at its actions", async () => {
    write([[removeOf("a")], [writeOf("b"), writeOf("c")]]);
    const { rounds } = await readPlanFile(path);
    write([[removeOf("a")], [writeOf("b"), writeOf("x")]]);
    expect(await collect(rounds[0]!.actions())).toHaveLength(1);
    await expect(collect(rounds[1]!.actions())).rejects.toMatchObject({ code: "usage" });
  });
});
