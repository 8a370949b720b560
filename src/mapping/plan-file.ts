// A plan as a file, for a person to read and for `kvsync apply` to follow: JSON, an action a line, with no values in it. Its last
// line is the digest of all others, so that what is applied is what was planned. Written and read line by line: a plan of a
// million actions takes no more memory than one of a thousand.

import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { tempNameOf } from "../core/names/temp-name.ts";
import { AppError, visible } from "../core/errors.ts";
import { canonicalJson, isJsonObject } from "../core/json.ts";
import { parseJsonText } from "../core/json-text.ts";
import type { Json } from "../core/json-value.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import type { RemoveAction, WriteAction } from "../engine/plan/action.ts";
import type { SavedAction } from "../engine/plan/follow-plan.ts";
import type { Plan } from "../engine/plan/plan.ts";
import { decodeSavedAction, encodeSavedAction } from "../engine/plan/saved-action.ts";
import { planIdOf } from "./plan-id.ts";

const FORMAT = 1;

/** What one round of a plan is about, as its caller describes it: what `kvsync apply` needs to run the same round. */
export type PlanSubject = { readonly [name: string]: Json };

export interface PlanFileWriter {
  /** The plan of one round. */
  add(subject: PlanSubject, plan: Plan): void;
  /** Puts the file in its place. Returns its digest. */
  commit(): string;
  /** Leaves nothing behind. May follow `commit`, and does nothing then. */
  discard(): void;
}

interface PlanTarget {
  readonly path: string;
  /** What is written to: a file beside it, which takes its place in the end; or what is no file and is never replaced. */
  readonly written: string;
  readonly isReplaced: boolean;
}

/** Throws AppError "usage" for a file that is there and is no plan: a config, say, is not overwritten. */
function targetOf(path: string): PlanTarget {
  const found = statSync(path, { throwIfNoEntry: false });
  // A device or a pipe takes what it is given.
  if (found !== undefined && !found.isFile()) return { path, written: path, isReplaced: false };
  if (found !== undefined && found.size > 0 && !readStart(path).startsWith(PLAN_START)) {
    throw new AppError("usage", `${visible(path)} is there already, and is no plan: it is not overwritten`, {
      hint: "name another file, or remove that one",
    });
  }
  // A symbolic link goes on to be one.
  const real = found === undefined ? path : realpathSync(path);
  // In a folder that is kept in step a name of this form is no key.
  const name = tempNameOf(`plan${process.pid.toString(36)}`);
  return { path: real, written: join(dirname(real), name), isReplaced: true };
}

const PLAN_START = '{"kvsync":"plan"';

function readStart(path: string): string {
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(PLAN_START.length);
    return start.toString("utf8", 0, readSync(file, start, 0, start.length, 0));
  } finally {
    closeSync(file);
  }
}

/** Throws as node:fs does where the file cannot be written, and AppError "usage" where it is not to be. */
export function openPlanFile(
  path: string,
  about: { readonly version: string; readonly plannedAt: string },
): PlanFileWriter {
  const target = targetOf(path);
  const file = openSync(target.written, target.isReplaced ? "wx" : "w");
  const hash = createHash("sha256");
  let isOpen = true;
  let isInPlace = false;
  let rounds = 0;
  let lines: string[] = [];
  const flush = (): void => {
    const text = lines.join("");
    lines = [];
    hash.update(text);
    // All of it, or it throws: a disk that fills up may take a part of what it is given.
    writeFileSync(file, text);
  };
  const write = (line: string): void => {
    // Some readers of lines take these two for ends of lines.
    lines.push(`${line.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")}\n`);
    if (lines.length >= LINES_AT_ONCE) flush();
  };
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  write(`${JSON.stringify({ kvsync: "plan", format: FORMAT, ...about }).slice(0, -1)},"rounds":[`);
  return {
    add(subject, plan) {
      const { writes, removes } = plan;
      const head = JSON.stringify({ ...subject, plan: planIdOf(plan, canonicalJson(subject)), writes, removes });
      write(`${rounds++ === 0 ? "" : ","}${head.slice(0, -1)},"actions":[`);
      let before: string | undefined;
      for (const action of actionsByKey(plan)) {
        if (before !== undefined) write(`${before},`);
        before = encodeSavedAction(action);
      }
      if (before !== undefined) write(before);
      write("]}");
    },
    commit() {
      flush();
      const digest = hash.digest("hex");
      writeFileSync(file, `],"digest":"sha256-${digest}"}\n`);
      if (target.isReplaced) fsyncSync(file);
      close();
      if (target.isReplaced) renameSync(target.written, target.path);
      isInPlace = true;
      return digest;
    },
    discard() {
      close();
      if (!isInPlace && target.isReplaced) rmSync(target.written, { force: true });
    },
  };
}

const LINES_AT_ONCE = 500;

/** Writes and removals on both sides, in key order. */
function* actionsByKey(plan: Plan): Generator<WriteAction | RemoveAction> {
  const lists = [
    actionsOf(plan.pages("write:source")),
    actionsOf(plan.pages("write:destination")),
    actionsOf(plan.pages("remove:source")),
    actionsOf(plan.pages("remove:destination")),
  ];
  const heads = lists.map((list) => list.next());
  for (;;) {
    let first = -1;
    for (const [i, head] of heads.entries()) {
      if (head.done === true) continue;
      const best = first < 0 ? undefined : heads[first]!.value;
      if (!best || compareUtf8(head.value.key, best.key) < 0) first = i;
    }
    if (first < 0) return;
    yield heads[first]!.value!;
    heads[first] = lists[first]!.next();
  }
}

function* actionsOf(
  pages: Iterable<readonly (WriteAction | RemoveAction)[]>,
): Generator<WriteAction | RemoveAction, undefined> {
  for (const page of pages) yield* page;
}

export interface PlanFile {
  readonly digest: string;
  readonly plannedAt: string;
  readonly rounds: readonly PlannedRound[];
}

export interface PlannedRound {
  readonly subject: PlanSubject;
  readonly writes: number;
  readonly removes: number;
  /** Read from the file anew each time. Throws AppError "usage" once it is through, if they are not those that were held
   * against the digest: the file was replaced meanwhile. */
  actions(): AsyncGenerator<readonly SavedAction[]>;
}

/** Reads the whole file once, and holds it against its digest. Throws AppError "usage" for what is no plan, or is not as it was
 * written, and as node:fs does where it cannot be read. `name`: what messages call it. */
export async function readPlanFile(path: string, name = path): Promise<PlanFile> {
  const hash = createHash("sha256");
  const rounds: PlannedRound[] = [];
  let plannedAt: string | undefined;
  let digest: string | undefined;
  let number = 0;
  let head: (RoundHead & { readonly after: number }) | undefined;
  /** Of the round whose actions are being read. */
  let actions: Hash | undefined;
  for await (const line of linesOf(path)) {
    number++;
    if (digest !== undefined) throw notAsWritten(name);
    if (number === 1) plannedAt = parseHead(line, name);
    digest = number === 1 || actions !== undefined ? undefined : checkDigest(line, hash, name);
    if (digest !== undefined) continue;
    hash.update(`${line}\n`);
    if (number === 1) continue;
    if (actions === undefined) {
      head = { ...parseRound(line, name), after: number };
      actions = createHash("sha256");
    } else if (line !== "]}") actions.update(`${line}\n`);
    else {
      rounds.push(roundOf({ path, name }, head!, actions.digest("hex")));
      actions = undefined;
    }
  }
  if (plannedAt === undefined) throw noPlan(name);
  if (digest === undefined) throw notAsWritten(name);
  return { digest, plannedAt, rounds };
}

/** Undefined: the line is not the last one. */
function checkDigest(line: string, hash: Hash, name: string): string | undefined {
  const found = /^\],"digest":"sha256-([0-9a-f]{64})"\}$/.exec(line)?.[1];
  if (found === undefined) return undefined;
  if (hash.digest("hex") !== found) throw notAsWritten(name);
  return found;
}

function parseHead(line: string, name: string): string {
  const head = parseOpenObject(line, ',"rounds":[', "}", name);
  if (head["kvsync"] !== "plan" || typeof head["plannedAt"] !== "string") throw noPlan(name);
  if (head["format"] !== FORMAT) {
    throw new AppError("usage", `the plan ${visible(name)} is of another version of kvsync`, {
      hint: "make the plan again with this one: kvsync plan --out FILE",
    });
  }
  return head["plannedAt"];
}

interface RoundHead {
  readonly subject: PlanSubject;
  readonly writes: number;
  readonly removes: number;
}

function parseRound(line: string, name: string): RoundHead {
  const text = line.startsWith(",") ? line.slice(1) : line;
  const { writes, removes, plan: _, ...subject } = parseOpenObject(text, ',"actions":[', "}", name);
  if (typeof writes !== "number" || typeof removes !== "number") throw notAsWritten(name);
  return { subject, writes, removes };
}

interface Named {
  readonly path: string;
  readonly name: string;
}

function roundOf(
  file: Named,
  { after, ...head }: RoundHead & { readonly after: number },
  digest: string,
): PlannedRound {
  return { ...head, actions: () => readActions(file, { after, digest }) };
}

/** A line that opens an object whose last property goes on in the lines after it. */
function parseOpenObject(
  line: string,
  opening: string,
  closing: string,
  name: string,
): { readonly [name: string]: Json } {
  if (!line.endsWith(opening)) throw noPlan(name);
  let value: Json;
  try {
    value = parseJsonText(line.slice(0, -opening.length) + closing);
  } catch {
    throw noPlan(name);
  }
  if (!isJsonObject(value)) throw noPlan(name);
  return value;
}

/** The actions behind line `after`, the digest of whose lines is `digest`. */
async function* readActions(
  { path, name }: Named,
  { after, digest }: { readonly after: number; readonly digest: string },
): AsyncGenerator<readonly SavedAction[]> {
  const hash = createHash("sha256");
  let number = 0;
  let page: SavedAction[] = [];
  let before: Key | undefined;
  for await (const line of linesOf(path)) {
    if (++number <= after) continue;
    if (line === "]}") break;
    hash.update(`${line}\n`);
    const action = decodeSavedAction(line.endsWith(",") ? line.slice(0, -1) : line);
    // An action behind its place in the listings would never be held against what they show.
    if (before !== undefined && compareUtf8(before, action.key) >= 0) throw notInOrder(name, action.key);
    before = action.key;
    page.push(action);
    if (page.length < LINES_AT_ONCE) continue;
    yield page;
    page = [];
  }
  // Nothing is done before the last action was read.
  if (hash.digest("hex") !== digest) throw notAsWritten(name);
  if (page.length > 0) yield page;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } finally {
    input.destroy();
  }
}

function noPlan(name: string): AppError {
  return new AppError("usage", `${visible(name)} is no plan`, { hint: "make one: kvsync plan --out FILE" });
}

function notInOrder(name: string, key: Key): AppError {
  return new AppError(
    "usage",
    `the plan ${visible(name)} has "${visible(key)}" twice, or not in the order of its keys`,
    {
      hint: "make it again: kvsync plan --out FILE",
    },
  );
}

function notAsWritten(name: string): AppError {
  return new AppError("usage", `the plan ${visible(name)} is not as it was written: its digest differs`, {
    hint: "make it again: kvsync plan --out FILE; what is applied is what was planned, so a plan is not to be edited",
  });
}
