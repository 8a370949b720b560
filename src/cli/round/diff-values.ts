// `diff --values KEY`: how the values of a few keys differ, which are read where they are, without a look at any other. What a
// round would do about them is no question here: a value is shown also where nothing would be carried over.

import { count } from "../../core/counted.ts";
import { existsSync } from "node:fs";
import type { MappingConfig } from "../../config/config.ts";
import { compareVersions } from "../../core/compare.ts";
import type { Entry } from "../../core/entry.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import type { Key } from "../../core/key.ts";
import type { Problem } from "../../core/problem.ts";
import { decideOf } from "../../mapping/policy-of-mode.ts";
import { openMapping } from "../../mapping/open-mapping.ts";
import type { Pair } from "../../mapping/pair.ts";
import { decideTriple } from "../../engine/plan/verdict.ts";
import { onePage, transferOptions } from "../../engine/observer.ts";
import { otherSide, type Target } from "../../engine/plan/action.ts";
import { openBase } from "../../journal/base.ts";
import type { KvApi } from "../../kv/kv-api.ts";
import type { Pages, ReadableReplica } from "../../replica/replica.ts";
import type { Content } from "../render/content-diff.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, worstExitCode } from "../exit-code.ts";
import { lookAtJournal } from "./look-at-journal.ts";
import { openLocation } from "../../mapping/open-location.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { locationDeps } from "./run-copy.ts";
import { contentOfOutcome, tellContentDiff } from "../render/show-contents.ts";

/** What one side holds of a key; without an entry there is no value, or none that could be read. */
interface Held {
  readonly content: Content;
  readonly entry?: Entry;
}

interface Sides {
  /** `./kv -> local:app` */
  readonly route: string;
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  readonly isManaged: ((key: Key) => boolean) | undefined;
  /** Which side would change, given what both hold. */
  readonly targetOf: (key: Key, source: Entry | undefined, destination: Entry | undefined) => Target;
  /** For the summary. */
  readonly subject: { readonly account?: string; readonly namespace?: string; readonly mapping?: string };
  readonly apis: readonly (KvApi | undefined)[];
}

/** What became of each key. */
interface Found {
  readonly code: ExitCode;
  readonly missing: Missing;
}

/** Why there was nothing to compare: there is no such key, or the filters leave it alone. */
type Missing = ReadonlyMap<Key, "absent" | "unmanaged">;

/** Of mappings: each as its mode says. Throws AppError `key-not-found` for keys that no side of any of them holds. */
export async function diffMappingValues(
  context: Context,
  names: readonly string[],
  keys: readonly Key[],
): Promise<ExitCode> {
  const { stateDir } = await context.config();
  const found: Found[] = [];
  for (const mapping of await context.mappings(names)) found.push(await diffMapping(context, stateDir, mapping, keys));
  const missing = new Map<Key, "absent" | "unmanaged">();
  for (const key of keys) {
    const reasons = new Set(found.map((one) => one.missing.get(key)));
    if (!reasons.has(undefined)) missing.set(key, reasons.has("absent") ? "absent" : "unmanaged");
  }
  return endWith(worstExitCode(found.map(({ code }) => code)), missing);
}

/** Of two places. Throws as {@link diffMappingValues} does. */
export async function diffLocationValues(
  context: Context,
  { source: from, destination: to }: Readonly<Record<Target, string>>,
  keys: readonly Key[],
): Promise<ExitCode> {
  const config = await context.config();
  const filter = compileFilter({ excludeDefaults: true });
  const open = { mayCreate: false, mayLack: false, filter };
  const locations = locationDeps(context, config);
  const source = await openLocation(locations, from, open);
  const destination = await openLocation(locations, to, open);
  const hasFolder = source.replica.kind === "tree" || destination.replica.kind === "tree";
  const { account, namespace } = destination.namespace === undefined ? source : destination;
  try {
    const { code, missing } = await showValues(context, keys, {
      route: `${source.replica.label} -> ${destination.replica.label}`,
      source: source.replica,
      destination: destination.replica,
      isManaged: hasFolder ? filter : undefined,
      targetOf: () => "destination",
      subject: { ...(account !== undefined && { account }), ...(namespace !== undefined && { namespace }) },
      apis: [source.api, destination.api],
    });
    return endWith(code, missing);
  } finally {
    await Promise.all([source.replica.close(), destination.replica.close()]);
  }
}

function endWith(code: ExitCode, missing: Missing): ExitCode {
  if (missing.size === 0) return code;
  const reasons = [...missing].map(([key, reason]) =>
    reason === "absent"
      ? `the key "${visible(key)}" is on neither side`
      : `the key "${visible(key)}" is left alone by include, exclude or the default excludes`,
  );
  const error = new AppError("key-not-found", reasons.join("; "), {
    hint: [...missing.values()].includes("absent")
      ? "write a key as kvsync diff shows it: without the prefix of the mapping"
      : "kvsync carries it neither way; config.example.yaml shows how to take it in",
  });
  // It outweighs keys that could not be read.
  throw error;
}

async function diffMapping(
  context: Context,
  stateDir: string,
  mapping: MappingConfig,
  keys: readonly Key[],
): Promise<Found> {
  const { clock, signal } = context;
  const { name, mode, folder, namespace } = mapping;
  if (mode !== "pull" && !existsSync(folder))
    throw new AppError("root-missing", `there is no folder ${visible(folder)}`, { hint: `check "folder" of ${name}` });
  const account = await context.account(mapping.account);
  const direction = mode === "pull" ? "pull" : "push";
  const open = await openMapping(
    { clock, stateDir, mapping, account: account.config, api: account.api },
    { direction, pullsOnly: mode === "pull", look: true, signal },
  );
  try {
    const pair = open.pair(direction);
    return await showValues(context, keys, {
      ...pair,
      route: name,
      targetOf: mode === "two-way" ? twoWayTargets(context, stateDir, { mapping, pair, keys }) : () => "destination",
      subject: { account: account.name, namespace, mapping: name },
      apis: [account.api],
    });
  } finally {
    await open.close();
  }
}

/** The side that a round would change: by what both sides last agreed on. */
function twoWayTargets(
  context: Context,
  stateDir: string,
  { mapping, pair, keys }: { readonly mapping: MappingConfig; readonly pair: Pair; readonly keys: readonly Key[] },
): Sides["targetOf"] {
  const rows = lookAtJournal(context, stateDir, (journal) => openBase(journal, pair.identity).lookup(keys)) ?? [];
  const bases = new Map(rows.map((row) => [row.key, row]));
  const decide = decideOf(mapping, pair.destination, { now: context.clock.now() });
  return (key, source, destination) => {
    const row = bases.get(key);
    const base = row === undefined || "gone" in row ? undefined : row;
    const { action } = decideTriple({ key, source, destination, base, previous: row?.previous }, decide);
    return action?.kind === "write" || action?.kind === "remove" ? action.to : "destination";
  };
}

async function showValues(context: Context, keys: readonly Key[], sides: Sides): Promise<Found> {
  const { clock, output, signal } = context;
  const { route, source, destination, isManaged, targetOf, subject, apis } = sides;
  const startedAt = clock.monotonic();
  const counted = countRequests(apis);
  const counts = { different: 0, same: 0, failed: 0 };
  const missing = new Map<Key, "absent" | "unmanaged">();
  const managed = keys.filter((key) => isManaged?.(key) !== false);
  for (const key of keys) if (!managed.includes(key)) missing.set(key, "unmanaged");
  const held = {
    source: await readHeld(source, managed, signal),
    destination: await readHeld(destination, managed, signal),
  };
  for (const key of managed) {
    const [ours, theirs] = [held.source.get(key) ?? NOTHING, held.destination.get(key) ?? NOTHING];
    if (ours.content.kind === "none" && theirs.content.kind === "none") {
      missing.set(key, "absent");
      continue;
    }
    if (isSame(ours, theirs)) {
      counts.same++;
      output.line(`  = ${visible(key)}`);
      output.event({ type: "same", key });
      continue;
    }
    const isUnread = [ours, theirs].some(({ content }) => content.kind === "unread");
    counts[isUnread ? "failed" : "different"]++;
    const to = targetOf(key, ours.entry, theirs.entry);
    const from = otherSide(to);
    const [old, next] = to === "destination" ? [theirs, ours] : [ours, theirs];
    const names = { before: sides[to].label, after: sides[from].label };
    await tellContentDiff(output, { key, before: old.content, after: next.content, names }, to);
  }
  const requests = counted();
  const parts = [`${count(counts.different)} different`, `${count(counts.same)} the same`];
  const absent = [...missing.values()].filter((reason) => reason === "absent").length;
  if (absent > 0) parts.push(`${count(absent)} on neither side`);
  if (missing.size > absent) parts.push(`${count(missing.size - absent)} left alone`);
  if (counts.failed > 0) parts.push(`${count(counts.failed)} failed`);
  if (requests !== undefined) parts.push(`${count(requests.total)} ${requests.total === 1 ? "request" : "requests"}`);
  output.report(`${visible(route)}: ${parts.join(", ")}`);
  output.event({
    type: "summary",
    command: "diff",
    ...subject,
    ...counts,
    missing: missing.size,
    bytesUp: requests?.bytesUp ?? 0,
    bytesDown: requests?.bytesDown ?? 0,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs: Math.round(clock.monotonic() - startedAt),
  });
  const code = counts.failed > 0 ? EXIT.incomplete : counts.different > 0 ? EXIT.different : EXIT.done;
  return { code, missing };
}

const NOTHING: Held = { content: { kind: "none" } };

function isSame(a: Held, b: Held): boolean {
  return a.entry !== undefined && b.entry !== undefined && compareVersions(a.entry, b.entry) === "same";
}

/** What `side` holds of `keys`: asked for key by key, or of a folder looked up and read. */
async function readHeld(
  side: ReadableReplica,
  keys: readonly Key[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Key, Held>> {
  const held = new Map<Key, Held>();
  const options = transferOptions({ signal });
  let problem: Problem | undefined;
  const read =
    side.fetch === undefined && side.lookup === undefined
      ? side.read(listedAmong(side, keys, signal), options)
      : side.lookup === undefined
        ? side.fetch!(keys, options)
        : side.read(
            onePage(
              await side.lookup(keys, {
                signal,
                onProblem: (found) => (problem = found),
                onUnknown: (unknown) => {
                  const reason = (unknown.notice ?? problem)?.message ?? "it cannot be told what is there";
                  if ("key" in unknown) held.set(unknown.key, { content: { kind: "unread", reason } });
                },
              }),
            ),
            options,
          );
  for await (const outcomes of read)
    for (const outcome of outcomes) {
      const content = contentOfOutcome(outcome);
      held.set(outcome.key, outcome.kind === "value" ? { content, entry: outcome.value.entry } : { content });
    }
  return held;
}

/** Of a side that cannot be asked for keys by name: what it lists of them. */
async function* listedAmong(side: ReadableReplica, keys: readonly Key[], signal: AbortSignal): Pages<Entry> {
  const wanted = new Set(keys);
  for await (const page of side.list({ signal, onProblem: () => {} })) yield page.filter(({ key }) => wanted.has(key));
}
