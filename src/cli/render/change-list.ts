// The list of what a round does, or would do: one line a key. What destroys something is never hidden by what does not:
// removals, overwrites, conflicts and additions are counted apart, and a plan is shown in this order.

import { count } from "../../core/counted.ts";
import { type ByteCount } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import type { Done } from "../../engine/plan/action.ts";
import type { Plan } from "../../engine/plan/plan.ts";
import type { Conflict, RemoveAction, Target, WriteAction } from "../../engine/plan/action.ts";
import { countByFolder, type FolderCounts } from "../../core/folder-counts.ts";
import type { Output } from "./output.ts";
import { actionsOf, type ChangeKind, SHOWN_ORDER } from "../../engine/plan/plan-order.ts";

export interface ListOptions {
  /** Nothing is done: the lines say what would be. */
  readonly dryRun: boolean;
  /** Every line, however many there are. */
  readonly all: boolean;
  /** What is changed goes either way: each line says which. */
  readonly twoWay: boolean;
  /** `the folder`. */
  readonly sides: Readonly<Record<Target, string>>;
}

export interface ChangeList {
  /** A whole plan, what destroys something first. */
  plan(plan: Plan): void;
  /** One change that was made; in the order made. */
  done(done: Done): void;
  /** A key that both sides changed, and that is left as it is. */
  waiting(key: Key): void;
  /** Counts what was not shown. */
  finish(): void;
}

interface Line {
  readonly kind: ChangeKind;
  readonly key: Key;
  /** Undefined: neither side is changed. */
  readonly to: Target | undefined;
  readonly bytes?: ByteCount | undefined;
  /** What becomes of the version that lost. */
  readonly conflict?: Conflict | undefined;
  /** Where in the folder it is kept, once it is. */
  readonly copy?: string | undefined;
}

const LINES_MAX: Readonly<Record<ChangeKind, number>> = { remove: 200, change: 200, conflict: 200, add: 50 };
const MARKS: Readonly<Record<ChangeKind, string>> = { remove: "-", change: "~", conflict: "!", add: "+" };
const NOUNS: Readonly<Record<ChangeKind, string>> = {
  remove: "removals",
  change: "overwrites",
  conflict: "conflicts",
  add: "additions",
};

export function openChangeList(output: Output, options: ListOptions): ChangeList {
  const { dryRun, all } = options;
  const shown: Record<ChangeKind, number> = { remove: 0, change: 0, conflict: 0, add: 0 };
  const hidden: Record<ChangeKind, FolderCounts> = {
    remove: countByFolder(),
    change: countByFolder(),
    conflict: countByFolder(),
    add: countByFolder(),
  };
  /** Waits for its place in the list. */
  const kept: Key[] = [];

  const tell = (line: Line): void => {
    if (output.json) return output.event(recordOf(line, dryRun));
    if (!all && shown[line.kind] >= LINES_MAX[line.kind]) return hidden[line.kind].add(line.key);
    shown[line.kind]++;
    say(line.kind, renderLine(line, output, options));
  };
  /** What was done is no news to whoever asked to be told nothing; conflicts are, and a plan is what was asked for. */
  const say = (kind: ChangeKind, text: string): void => {
    if (dryRun || kind === "conflict") output.line(text);
    else output.report(text);
  };
  const tellHidden = (kind: ChangeKind): void => {
    const folders = hidden[kind];
    if (folders.total() === 0) return;
    const where = kind === "add" ? "" : `: ${folders.render()}`;
    say(kind, `  ... and ${count(folders.total())} more ${NOUNS[kind]}${where} (--all shows every line)`);
    hidden[kind] = countByFolder();
  };

  return {
    plan(plan) {
      for (const kind of SHOWN_ORDER) {
        if (kind === "conflict") for (const key of kept.splice(0)) tell({ kind, key, to: undefined });
        for (const action of actionsOf(plan, kind)) tell(lineOf(kind, action));
        tellHidden(kind);
      }
    },
    done({ kind, key, to, bytes, replaced, isConflict, copy }) {
      if (kind === "unchanged") return;
      if (kind === "removed") return tell({ kind: "remove", key, to });
      if (isConflict !== true) return tell({ kind: replaced ? "change" : "add", key, to, bytes, copy });
      tell({ kind: "conflict", key, to, bytes, conflict: copy === undefined ? "replace" : "copy", copy });
    },
    waiting(key) {
      if (!dryRun || output.json) return tell({ kind: "conflict", key, to: undefined });
      if (all || kept.length < LINES_MAX.conflict) kept.push(key);
      else hidden.conflict.add(key);
    },
    finish: () => SHOWN_ORDER.forEach(tellHidden),
  };
}

function lineOf(kind: ChangeKind, action: WriteAction | RemoveAction): Line {
  const { key, to } = action;
  return action.kind === "remove"
    ? { kind, key, to }
    : { kind, key, to, bytes: action.from.size, conflict: action.conflict };
}

function recordOf({ kind, key, to, bytes, copy }: Line, dryRun: boolean): object {
  if (to === undefined) return { type: "conflict", key };
  const change = kind === "conflict" ? "change" : kind;
  const conflict = kind === "conflict" ? { conflict: true, copy } : copy === undefined ? {} : { copy };
  return { type: dryRun ? "difference" : "done", change, key, to, bytes, ...conflict };
}

function renderLine(line: Line, { stdout: style }: Output, { twoWay, dryRun, sides }: ListOptions): string {
  const { kind, key, to } = line;
  const paint = kind === "add" ? style.green : kind === "change" ? style.yellow : style.red;
  const arrow = to === "destination" ? "-> " : to === "source" ? "<- " : "   ";
  const aside = line.copy === undefined ? "" : ` (the sidecar that waited for it is kept as ${visible(line.copy)})`;
  const why = kind === "conflict" ? ` (${renderConflict(line, dryRun, sides)})` : aside;
  return `  ${twoWay ? arrow : ""}${paint(MARKS[kind])} ${visible(key)}${why}`;
}

function renderConflict({ to, conflict, copy }: Line, dryRun: boolean, sides: ListOptions["sides"]): string {
  if (to === undefined) return "both sides changed it; it waits for you";
  const both = `both sides changed it; the version of ${sides[to]}`;
  if (copy !== undefined) return `${both} is kept as ${visible(copy)}`;
  if (conflict === "copy") return `${both} would be kept beside it, as a conflict copy`;
  return `${both} ${dryRun ? "would be" : "was"} replaced, and kept in the trash`;
}
