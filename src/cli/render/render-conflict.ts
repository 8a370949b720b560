// Conflicts as people read them: a line for each, and one with both versions and what each choice would do.

import { visible } from "../../core/errors.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { isoTime } from "../../core/iso-time.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import {
  NO_VALUE,
  type ConflictLine,
  type ConflictSide,
  type ConflictView,
  type Keep,
  type ShownValue,
} from "../../mapping/conflicts/conflict-lines.ts";
import type { Content } from "./content-diff.ts";
import type { Style } from "./output.ts";
import { kvsyncCommand } from "../../core/shell-word.ts";

/** What the two versions of a conflict are called. */
export function sideNames({ kind }: ConflictLine): { readonly local: string; readonly remote: string } {
  return kind === "waiting" ? WAITING_NAMES : { local: "the conflict copy", remote: "the file" };
}

const WAITING_NAMES = { local: "the file", remote: "the namespace" };

export function renderConflict(line: ConflictLine, now: EpochMs, style: Style): string {
  const { mapping, key, kind, since, newer, copy, local, remote } = line;
  const names = sideNames(line);
  const age = since === null ? "" : ` for ${ageOf(now - since)}`;
  const which = newer === null ? "" : `; ${names[newer]} is newer`;
  const sizes = `${names.local} ${sizeOf(local)}, ${names.remote} ${sizeOf(remote)}${which}`;
  const what =
    kind === "waiting" ? `waits${age}: ${sizes}` : `lies beside it${age} as ${visible(copy ?? "")}: ${sizes}`;
  return `${visible(mapping)}  ${style.bold(visible(key))}  ${what}`;
}

/** What shows both versions, to be typed as it is. */
export function showCommand({ mapping, key, copy }: ConflictLine): string {
  return kvsyncCommand("conflicts show", [mapping, key], copy === null ? [] : ["--copy", copy]);
}

function ageOf(age: DurationMs): string {
  return renderDuration(Math.max(0, age));
}

function sizeOf(side: ConflictSide | null): string {
  return side === null ? "is gone" : side.size === null ? "of unknown size" : renderByteCount(side.size);
}

/** Text that can be compared line by line; undefined: it is no text, or too long. */
export function textOf(value: ShownValue | null, side: ConflictSide | null): Content | undefined {
  if (value === null) return { kind: "none" };
  if (value.encoding !== "utf8" || value.truncated) return undefined;
  return {
    kind: "text",
    text: value.text,
    attributes: attributesOf(side)
      .map((line) => `${line}\n`)
      .join(""),
  };
}

/** A side in a few lines: what tells it from the other without its value. */
export function renderSide(name: string, side: ConflictSide | null, now: EpochMs): readonly string[] {
  if (side === null) return [`  ${name}: there is nothing`];
  // Of what is in a namespace nobody knows more than when it was first seen.
  const verb = name === WAITING_NAMES.remote ? "first seen" : "written";
  const when = side.modifiedAt === null ? "" : `, ${verb} ${ageOf(now - side.modifiedAt)} ago`;
  const print = side.fingerprint === null ? "" : `, fingerprint ${side.fingerprint}`;
  return [`  ${name}: ${sizeOf(side)}${print}${when}`, ...attributesOf(side).map((line) => `    ${visible(line)}`)];
}

function attributesOf(side: ConflictSide | null): readonly string[] {
  if (side === null) return [];
  return [
    ...(side.metadata === null || side.metadata === undefined ? [] : [`metadata: ${JSON.stringify(side.metadata)}`]),
    ...(side.expiration === null ? [] : [`expiration: ${isoTime(side.expiration * 1000)}`]),
  ];
}

const WAITING: Readonly<Record<Keep, string>> = {
  local: "the file goes to the namespace; what the namespace has goes to the trash",
  remote: "the namespace's version goes to the file; what the file has goes to the trash",
  both: "the namespace's version goes to the file; what the file has stays beside it as a conflict copy",
};
const COPY: Readonly<Record<Keep, string>> = {
  local: "the conflict copy goes to the file, and is carried over; what the file has goes to the trash",
  remote: "the file stays as it is; the conflict copy goes to the trash",
  both: "the file stays as it is; the conflict copy becomes a key of its own, beside it",
};

/** What each choice would do, with the command that does it to these very versions. */
export function renderChoices(view: ConflictView): readonly string[] {
  const { mapping, key, kind, copy, local, remote } = view;
  const does = kind === "waiting" ? WAITING : COPY;
  const shown = [
    ...(copy === null ? [] : ["--copy", copy]),
    ...onlyIf("--if-local", local),
    ...onlyIf("--if-remote", remote),
  ];
  return (["local", "remote", "both"] as const).flatMap((keep) => [
    `  ${does[keep]}:`,
    `    ${kvsyncCommand("conflicts resolve", [mapping, key], ["--keep", keep, ...shown])}`,
  ]);
}

function onlyIf(option: string, side: ConflictView["local"]): readonly string[] {
  const shown = side === null ? NO_VALUE : side.fingerprint;
  return shown === null ? [] : [option, shown];
}
