// The second pass of a proof: what the listings did not show as equal is read directly at both sides, once whatever they may have lagged
// behind has settled [I7]. A difference is one only if these reads show it, too.

import { allEnded } from "../../core/all-ended.ts";
import { type EpochSeconds, type MonotonicMs, toEpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { ReadableReplica, ReadOutcome, Value } from "../../replica/replica.ts";
import { classifyKey, type KeyVerdict, type LookedKey } from "./classify-key.ts";
import { differencesOf, type Held, heldOfBase, heldOfEntry, leafOf } from "./held.ts";
import type { PendingKey } from "./proof-scratch.ts";
import { isFault, shownVersion } from "./proof.ts";
import type { Proving } from "./proving.ts";

/** What one side says of a key now. */
type Look =
  | { readonly kind: "held"; readonly held: Held }
  | { readonly kind: "absent" }
  | { readonly kind: "unsure"; readonly reason: string; readonly likely: Held | undefined };

/** How often a key is looked at that a side cannot make up its mind about, a settle window apart. */
const LOOKS_MAX = 3;
/** Beyond the window: what was written just as it began must have settled. */
const MARGIN_MS = 1000;

/** `listedAt`: when the listings ended. */
export async function settleDifferences(proving: Proving, listedAt: MonotonicMs): Promise<void> {
  const { clock, scratch, signal, settleWindowMs, onProgress, tally } = proving;
  let since = listedAt;
  for (let look = 1; look <= LOOKS_MAX && scratch.countPending() > 0; look++) {
    const report = (phase: "waiting" | "looking"): void =>
      onProgress?.({ phase, keys: tally.lookedAt, pending: scratch.countPending() });
    report("waiting");
    const settled = settleWindowMs + MARGIN_MS - (clock.monotonic() - since);
    if (settled > 0) await clock.sleep(settled, signal);
    for (const page of scratch.pending()) {
      signal.throwIfAborted();
      await settlePage(proving, page, look);
      report("looking");
    }
    since = clock.monotonic();
  }
}

async function settlePage(proving: Proving, page: readonly PendingKey[], look: number): Promise<void> {
  const [source, destination] = await allEnded(proving.signal, [
    (signal) => lookAt({ ...proving, signal }, proving.source, page, (pending) => pending.base ?? pending.source),
    (signal) =>
      lookAt({ ...proving, signal }, proving.destination, page, (pending) => pending.base ?? pending.destination),
  ]);
  for (const pending of page) {
    settleKey(proving, pending, { source: source!.get(pending.key), destination: destination!.get(pending.key), look });
  }
}

type Known = Pick<Entry, "binary" | "size">;
type Expected = (pending: PendingKey) => Known | undefined;

async function lookAt(
  { signal, rootKind }: Proving,
  side: ReadableReplica,
  page: readonly PendingKey[],
  expectedOf: Expected,
): Promise<ReadonlyMap<Key, Look>> {
  const looks = new Map<Key, Look>();
  const expected = new Map(
    page.flatMap((pending) => {
      const entry = expectedOf(pending);
      return entry !== undefined && isReadAlone(entry) ? [[pending.key, entry as Entry]] : [];
    }),
  );
  const keys = page.map(({ key }) => key);
  for await (const outcomes of side.fetch!(keys, { signal, expected })) {
    for (const outcome of outcomes) looks.set(outcome.key, lookOf(outcome, rootKind === "values"));
  }
  return looks;
}

/** What is known of the others would only spread them over several bulk gets. */
function isReadAlone({ binary, size = 0 }: Known): boolean {
  return binary === true || size > LARGE_BYTES;
}

const LARGE_BYTES = 200_000;

function lookOf(outcome: ReadOutcome, withSha256: boolean): Look {
  const heldOf = ({ entry, bytes }: Value): Held => ({
    fingerprint: entry.fingerprint!,
    sha256: withSha256 ? sha256Of(bytes) : undefined,
    size: bytes.byteLength,
    metadata: entry.metadata,
    expiration: entry.expiration,
  });
  switch (outcome.kind) {
    case "value":
      return { kind: "held", held: heldOf(outcome.value) };
    case "absent":
      return { kind: "absent" };
    case "problem": {
      const { unstamped, isMisstamped, problem } = outcome;
      const likely = unstamped && heldOf(unstamped);
      // Another program has kept the stamp of the value that it replaced: the value is what it is.
      if (likely !== undefined && isMisstamped === true) return { kind: "held", held: likely };
      return { kind: "unsure", reason: problem.message, likely };
    }
  }
}

interface Looks {
  readonly source: Look | undefined;
  readonly destination: Look | undefined;
  readonly look: number;
}

function settleKey(proving: Proving, pending: PendingKey, { source, destination, look }: Looks): void {
  const isLast = look === LOOKS_MAX;
  const [atSource, atDestination] = [decided(source, isLast), decided(destination, isLast)];
  if (atSource.kind === "unsure" || atDestination.kind === "unsure") {
    if (isLast) keepUnread(proving, pending.key, atSource, atDestination);
    return;
  }
  const held = { source: heldOfLook(atSource), destination: heldOfLook(atDestination) };
  const verdict = classifyKey(lookedKey(proving, pending, held));
  // The destination was written just now: what it held before may still be shown here and there.
  if (look === 1 && isFaulty(proving, verdict) && hasMoved(pending.destination, held.destination)) return;
  settleAs(proving, pending, held, verdict);
}

/** What a side shows for the third time is taken to be so. */
function decided(look: Look | undefined, isLast: boolean): Look {
  if (look === undefined) return { kind: "unsure", reason: "was not answered", likely: undefined };
  if (look.kind === "unsure" && isLast && look.likely !== undefined) return { kind: "held", held: look.likely };
  return look;
}

function heldOfLook(look: Look): Held | undefined {
  return look.kind === "held" ? look.held : undefined;
}

function lookedKey(
  { clock, copied }: Proving,
  { key, source, destination, base }: PendingKey,
  held: Pick<LookedKey, "source" | "destination">,
): LookedKey {
  const now: EpochSeconds = toEpochSeconds(clock.now());
  return {
    ...held,
    copied: base && heldOfBase(base),
    listed: { source: source && heldOfEntry(source), destination: destination && heldOfEntry(destination) },
    wasListed: source !== undefined,
    isCopyComplete: copied?.isComplete === true && !copied.problems.has(key),
    now,
  };
}

function isFaulty({ mayHoldMore }: Proving, verdict: KeyVerdict): boolean {
  return verdict.kind === "finding" && isFault(verdict.class, mayHoldMore);
}

function hasMoved(listed: Entry | undefined, held: Held | undefined): boolean {
  if (listed === undefined || held === undefined) return (listed === undefined) !== (held === undefined);
  return (
    differencesOf(listed.fingerprint === undefined ? { ...listed, fingerprint: held.fingerprint } : listed, held)
      .length > 0
  );
}

function keepUnread({ findings, tally, scratch, copied }: Proving, key: Key, source: Look, destination: Look): void {
  const told = (name: string, look: Look): string[] =>
    look.kind === "unsure" ? [`at the ${name}: ${look.reason}`] : [];
  const reasons = [...told("source", source), ...told("destination", destination)];
  const why = copied?.problems.get(key);
  findings.add({
    key,
    class: "unreadable",
    differs: [],
    changedAt: null,
    source: shownVersion(heldOfLook(source)),
    destination: shownVersion(heldOfLook(destination)),
    reason: [...reasons, ...(why === undefined ? [] : [`the copy said: ${why}`])].join("; "),
  });
  tally.unknown++;
  scratch.settle(key, { source: undefined, destination: undefined });
}

function settleAs(
  { tally, findings, scratch, rootKind, mayHoldMore, copied }: Proving,
  { key }: PendingKey,
  held: Pick<LookedKey, "source" | "destination">,
  verdict: KeyVerdict,
): void {
  const { source, destination } = held;
  if (verdict.kind === "equal") {
    tally.equalBy["looked-at"]++;
    tally.bytes += source!.size;
  }
  if (verdict.kind === "finding") {
    const { class: as, differs, changedAt = null } = verdict;
    const reason = copied?.problems.get(key) ?? null;
    findings.add({
      key,
      class: as,
      differs,
      changedAt,
      source: shownVersion(source),
      destination: shownVersion(destination),
      reason,
    });
  }
  if (source !== undefined) tally.keys.source++;
  if (destination !== undefined) tally.keys.destination++;
  // What may be at one side alone is in neither root, so that equal verdicts have equal roots.
  const isApart =
    verdict.kind === "finding" && (verdict.class === "expired" || (verdict.class === "extra" && mayHoldMore));
  const leaf = (version: Held | undefined): Uint8Array | undefined =>
    version === undefined || isApart ? undefined : leafOf(rootKind, key, version);
  scratch.settle(key, { source: leaf(source), destination: leaf(destination) });
}
