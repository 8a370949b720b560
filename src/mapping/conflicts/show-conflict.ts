// One conflict with both versions, read now: of one that waits, the file and what the namespace holds; of a conflict copy, the copy and
// the file that has the name.

import { isUtf8 } from "node:buffer";
import type { Clock, EpochSeconds } from "../../core/clock.ts";
import type { BaseRow } from "../../core/entry.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import type { Problem } from "../../core/problem.ts";
import { reconcileTwoWay } from "../../core/reconcile-two-way.ts";
import { onePage } from "../../engine/observer.ts";
import { openBase } from "../../journal/base.ts";
import type { Pages, ReadableReplica, ReadOutcome, Value } from "../../replica/replica.ts";
import { openLinkIndex } from "../../replica/tree/links/link-index.ts";
import { openTreeReplica } from "../../replica/tree/tree-replica.ts";
import { openMapping } from "../open-mapping.ts";
import type { AccountsPort } from "../round-port.ts";
import { type Asked, chooseConflict, type ConflictDeps, type LookAtKey } from "./choose-conflict.ts";
import type { ConflictView, ShownValue } from "./conflict-lines.ts";
import { readCopy } from "./copy-file.ts";
import { copyLine, waitingLine } from "./list-conflicts.ts";
import { modifiedAtOf, sideOf } from "./remember-conflicts.ts";

export interface ShowDeps extends ConflictDeps {
  readonly clock: Clock;
  readonly accounts: AccountsPort;
}

/** More of a value than this is not shown. */
const SHOWN_BYTES_MAX = 262_144;

interface BothValues {
  readonly local: Value | undefined;
  readonly remote: Value | undefined;
}

interface BothNow extends BothValues {
  /** What both sides last agreed on. */
  readonly base: BaseRow | undefined;
}

/** May run beside a round: it only reads. Throws AppError `usage` if the key has no conflict. */
export async function showConflict(deps: ShowDeps, asked: Asked, signal: AbortSignal): Promise<ConflictView> {
  const { mapping } = deps;
  const chosen = await chooseConflict({ ...deps, isWaiting: lookAtKey(deps) }, asked, signal);
  if (chosen.kind === "copy") {
    const { copy } = chosen;
    const local = readCopy(deps.clock, mapping, copy);
    const remote = await readFileOf(deps, copy.key as Key, signal);
    return { ...copyLine(deps, copy), ...viewOf({ local, remote }) };
  }
  const { key, known } = chosen;
  if (mapping.mode !== "two-way") throw noConflict(mapping.name, key);
  const values = await readBoth(deps, key, signal);
  if (!isConflict(values)) throw noConflict(mapping.name, key);
  const line =
    known === undefined
      ? { mapping: mapping.name, key, kind: "waiting" as const, since: null, newer: null, copy: null }
      : waitingLine(mapping.name, known);
  const view = viewOf(values);
  const before = "remote" in line ? line.remote : null;
  // When it was first seen counts as long as it is what was seen then.
  const isSeen = before !== null && before.fingerprint === view.remote?.fingerprint;
  const remote = view.remote && { ...view.remote, modifiedAt: isSeen ? before.modifiedAt : null };
  return { ...line, ...view, newer: isSeen ? line.newer : null, remote };
}

export function lookAtKey(deps: ShowDeps): LookAtKey {
  return async (key, signal) => isConflict(await readBoth(deps, key, signal));
}

/** As core/reconcile-two-way.ts tells it; a difference that only one side has made is none. */
function isConflict({ local, remote, base }: BothNow): boolean {
  const policy = { conflict: "hold", now: 0 as EpochSeconds } as const;
  return reconcileTwoWay(local?.entry, remote?.entry, base, policy).kind === "wait";
}

export function noConflict(mapping: string, key: string): AppError {
  return new AppError("usage", `${visible(key)} is in no conflict`, {
    hint: `see which are: kvsync conflicts list ${visible(mapping)}`,
  });
}

function viewOf({ local, remote }: BothValues): Pick<ConflictView, "local" | "remote" | "localValue" | "remoteValue"> {
  return {
    local: shownSide(local),
    remote: shownSide(remote),
    localValue: shownOf(local),
    remoteValue: shownOf(remote),
  };
}

function shownSide(value: Value | undefined): ConflictView["local"] {
  return value === undefined ? null : sideOf(value.entry, modifiedAtOf(value.entry));
}

function shownOf(value: Value | undefined): ShownValue | null {
  if (value === undefined) return null;
  const { bytes } = value;
  const isText = isUtf8(bytes) && !bytes.includes(0);
  const truncated = bytes.byteLength > SHOWN_BYTES_MAX;
  const first = bytes.subarray(0, isText ? wholeCharacters(bytes, SHOWN_BYTES_MAX) : SHOWN_BYTES_MAX);
  const encoding = isText ? "utf8" : "base64";
  return { encoding, text: Buffer.from(first).toString(encoding), bytes: bytes.byteLength, truncated };
}

/** At most `bytesMax`, and not half of a character at the end. */
function wholeCharacters(bytes: Uint8Array, bytesMax: number): number {
  let end = Math.min(bytes.byteLength, bytesMax);
  while (end < bytes.byteLength && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** With a pair of its own, since that of the rounds may be closed at any time. */
async function readBoth(
  { clock, journal, stateDir, mapping, accounts }: ShowDeps,
  key: Key,
  signal: AbortSignal,
): Promise<BothNow> {
  const { config: account, api } = await accounts.open(mapping.account);
  const deps = { clock, stateDir, mapping, account, api, linkIndex: openLinkIndex() };
  const opened = await openMapping(deps, { direction: "push", pullsOnly: false, look: true, signal });
  try {
    const { source, destination, identity } = opened.pair("push");
    const [row] = openBase(journal, identity).lookup([key]);
    const base = row === undefined || "gone" in row ? undefined : row;
    const local = await lookUp(source, key, signal);
    const remote = destination.fetch && (await only(destination.fetch([key], { signal }), key));
    return { local, remote, base };
  } finally {
    await opened.close();
  }
}

async function readFileOf({ clock, mapping }: ShowDeps, key: Key, signal: AbortSignal): Promise<Value | undefined> {
  const { folder: root, names, prefix } = mapping;
  const tree = openTreeReplica({ clock, root, label: root, names, prefix });
  try {
    return await lookUp(tree, key, signal);
  } finally {
    await tree.close();
  }
}

async function lookUp(tree: ReadableReplica, key: Key, signal: AbortSignal): Promise<Value | undefined> {
  const onProblem = (problem: Problem): void => {
    throw unread(key, problem);
  };
  const [entry] = (await tree.lookup?.([key], { signal, onProblem })) ?? [];
  return entry === undefined ? undefined : only(tree.read(onePage([entry]), { signal }), key);
}

/** The value; undefined: there is none. */
async function only(outcomes: Pages<ReadOutcome>, key: Key): Promise<Value | undefined> {
  for await (const page of outcomes)
    for (const outcome of page) {
      if (outcome.kind === "value") return outcome.value;
      if (outcome.kind === "problem" && outcome.unstamped !== undefined) return outcome.unstamped;
      if (outcome.kind === "problem") throw unread(key, outcome.problem);
    }
  return undefined;
}

function unread(key: Key, { message }: Problem): AppError {
  return new AppError("io", `${visible(key)} ${message}`, { hint: "try again" });
}
