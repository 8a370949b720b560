// A conflict copy, resolved as a person chose: put in place of its key's file, let go, or made a key of its own. All of it is local;
// what follows of it at the remote is the next round's to do. Whatever is replaced or removed is in the trash first [I6].

import { join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { type Clock, toEpochSeconds } from "../../core/clock.ts";
import { compareVersions } from "../../core/compare.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import { type Key, keyFault } from "../../core/key.ts";
import { encodeKey } from "../../core/names/path-codec.ts";
import { onePage } from "../../engine/observer.ts";
import type { Loss } from "../../engine/ports.ts";
import type { Journal } from "../../journal/journal.ts";
import { openTrash } from "../../journal/trash.ts";
import type { Replica, Value, Write, WriteOutcome } from "../../replica/replica.ts";
import { openTreeReplica } from "../../replica/tree/tree-replica.ts";
import { NO_VALUE, type ResolveChoice } from "./conflict-lines.ts";
import { readCopy, removeCopy } from "./copy-file.ts";
import type { FoundCopy } from "./find-copies.ts";
import { notAsShown } from "./not-as-shown.ts";

export interface ResolveCopyDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
}

export interface ResolvedCopy {
  /** In lower case, for people. */
  readonly done: string;
  /** What a round is to look at, from the folder. */
  readonly paths: readonly string[];
}

/** Throws AppError `plan-outdated` if the copy or the file is not what was shown, `io` if something cannot be written: then the copy is
 * there still. */
export async function resolveCopy(
  deps: ResolveCopyDeps,
  copy: FoundCopy,
  choice: ResolveChoice,
  signal: AbortSignal,
): Promise<ResolvedCopy> {
  const { clock, mapping, stateDir } = deps;
  const { folder: root, names, prefix, quietMs } = mapping;
  refuseInVain(mapping, choice.keep);
  const tree = openTreeReplica({ clock, root, label: root, names, prefix, quietMs, ignorePaths: [stateDir] });
  try {
    const value = readCopy(clock, mapping, copy);
    check(value, choice.local, copy.key);
    if (choice.keep === "both") return await keepBoth(deps, tree, copy, value, signal);
    const file = await readFileOf(tree, copy.key as Key, signal);
    check(file, choice.remote, copy.key);
    return choice.keep === "local"
      ? await keepLocal(deps, tree, { copy, value, file }, signal)
      : await keepRemote(deps, copy, value);
  } finally {
    await tree.close();
  }
}

/** Throws AppError `usage` for what the next round of a pull would undo. */
function refuseInVain({ name, mode, delete: deletes }: MappingConfig, keep: ResolveChoice["keep"]): void {
  if (mode !== "pull" || keep === "remote") return;
  const mirrors = deletes === "all";
  if (keep === "local")
    throw new AppError("usage", `mapping "${visible(name)}" pulls: its next round would replace the file again`, {
      hint: mirrors ? WRITE_IT : "keep both: the copy then has a name of its own",
    });
  if (mirrors)
    throw new AppError(
      "usage",
      `mapping "${visible(name)}" pulls, with delete: all: its next round would remove the file that the copy would be`,
      { hint: WRITE_IT },
    );
}

const WRITE_IT = "write what the copy holds to the namespace (kvsync key put), then keep remote";

interface Versions {
  readonly copy: FoundCopy;
  readonly value: Value;
  /** What has the key's name now; undefined: nothing. */
  readonly file: Value | undefined;
}

async function keepLocal(
  deps: ResolveCopyDeps,
  tree: Replica,
  { copy, value, file }: Versions,
  signal: AbortSignal,
): Promise<ResolvedCopy> {
  const written = withoutExpired(value, deps.clock);
  const isAlike = file !== undefined && compareVersions(file.entry, written.entry) === "same";
  if (file !== undefined && !isAlike) await save(deps, file, "replaced");
  if (!isAlike) await write(tree, { value: written, expected: file?.entry }, signal);
  removeCopy(deps.mapping, copy, value);
  const was = file === undefined || isAlike ? "" : "; what was there is in the trash";
  return {
    done: `the conflict copy has the name again${was}. ${whatFollows(deps.mapping)}${expiredNote(value, written)}`,
    paths: [encodeKey(copy.key, deps.mapping.names)],
  };
}

async function keepRemote(deps: ResolveCopyDeps, copy: FoundCopy, value: Value): Promise<ResolvedCopy> {
  await save(deps, value, "conflict-copy");
  removeCopy(deps.mapping, copy, value);
  return { done: "the conflict copy is in the trash, and the file stays as it is", paths: [] };
}

async function keepBoth(
  deps: ResolveCopyDeps,
  tree: Replica,
  copy: FoundCopy,
  value: Value,
  signal: AbortSignal,
): Promise<ResolvedCopy> {
  const { mapping, clock } = deps;
  const key = await freeKey(mapping, tree, copy.key, signal);
  const written = withoutExpired({ ...value, entry: { ...value.entry, key } }, clock);
  await write(tree, { value: written, expected: undefined }, signal);
  removeCopy(mapping, copy, value);
  const path = encodeKey(key, mapping.names);
  return {
    done: `the conflict copy is the key ${visible(key)} now, in ${visible(join(mapping.folder, path))}. ${whatFollows(mapping)}${expiredNote(value, written)}`,
    paths: [path],
  };
}

function whatFollows({ mode }: MappingConfig): string {
  return mode === "pull" ? "It stays in the folder" : "The next round carries it over";
}

function expiredNote(value: Value, written: Value): string {
  return value.entry.expiration === written.entry.expiration ? "" : "; its expiration has passed, and it has none now";
}

/** As a value from the trash is written back. */
function withoutExpired(value: Value, clock: Clock): Value {
  const { expiration } = value.entry;
  if (expiration === undefined || expiration > toEpochSeconds(clock.now())) return value;
  return { ...value, entry: { ...value.entry, expiration: undefined } };
}

/** More names than this are something gone wrong. */
const NAMES_TRIED_MAX = 100;

/** `a/b.json` as `a/b.local.json`, or with a number: the first that no file has. Throws AppError `usage` if it would be no key of the
 * mapping. */
async function freeKey(mapping: MappingConfig, tree: Replica, key: string, signal: AbortSignal): Promise<Key> {
  const isManaged = compileFilter(mapping);
  for (let number = 1; number <= NAMES_TRIED_MAX; number++) {
    const name = besideName(key, number);
    const why =
      keyFault(mapping.prefix + name) !== undefined
        ? "is no key"
        : isManaged(name)
          ? undefined
          : "is left alone by include and exclude";
    if (why !== undefined)
      throw new AppError("usage", `the copy cannot be a key of its own: ${visible(name)} ${why}`, {
        hint: "keep local or remote, or rename the copy by hand",
      });
    const problems: string[] = [];
    const [found] = await tree.lookup!([name as Key], { signal, onProblem: ({ message }) => problems.push(message) });
    if (found === undefined && problems.length === 0) return name as Key;
  }
  throw new AppError("io", `there are too many files beside ${visible(key)} that are named like it`, {
    hint: "rename the copy by hand",
  });
}

function besideName(key: string, number: number): string {
  const word = number === 1 ? ".local" : `.local-${number}`;
  const at = key.lastIndexOf(".");
  const isExtension = at > key.lastIndexOf("/") + 1;
  return isExtension ? `${key.slice(0, at)}${word}${key.slice(at)}` : key + word;
}

async function readFileOf(tree: Replica, key: Key, signal: AbortSignal): Promise<Value | undefined> {
  const refuse = (message: string): never => {
    throw new AppError("io", `the file of ${visible(key)} ${message}`, { hint: "nothing was changed" });
  };
  const options = { signal, onProblem: ({ message }: { readonly message: string }) => refuse(message) };
  const [entry] = await tree.lookup!([key], options);
  if (entry === undefined) return undefined;
  for await (const page of tree.read(onePage([entry]), { signal }))
    for (const outcome of page) {
      if (outcome.kind === "value") return outcome.value;
      if (outcome.kind === "problem") refuse(outcome.problem.message);
    }
  return undefined;
}

function check(value: Value | undefined, shown: string | undefined, key: string): void {
  if (shown === undefined || (value?.entry.fingerprint ?? NO_VALUE) === shown) return;
  throw notAsShown(key);
}

async function save({ clock, journal, stateDir, mapping }: ResolveCopyDeps, value: Value, reason: Loss["reason"]) {
  const trash = openTrash(journal, { clock, stateDir, mapping: mapping.name });
  await trash.save([value], { reason, side: mapping.folder });
}

async function write(tree: Replica, item: Write, signal: AbortSignal): Promise<void> {
  let outcome: WriteOutcome | undefined;
  for await (const page of tree.write(onePage([item]), { signal })) outcome ??= page[0];
  if (outcome?.kind === "written") return;
  const why = outcome?.kind === "problem" ? outcome.problem.message : "was not written";
  throw new AppError("io", `the file of ${visible(item.value.entry.key)} ${why}`, {
    hint: "the conflict copy is there still; try again",
  });
}
