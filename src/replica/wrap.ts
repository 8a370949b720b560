// What every wrapper of a replica is made from: the replica as seen through a view, which hides keys or changes entries.
//
// A wrapper says what it changes, and this file applies that to every method through which the change would show. The
// methods stand here one by one, and nothing is spread from the replica inside: if the port gains a method, this file does
// not compile until the method is here.

import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type {
  Pages,
  ReadableReplica,
  ReadOutcome,
  Replica,
  ShownVersion,
  TransferOptions,
  Value,
  Write,
  WriteOutcome,
} from "./replica.ts";

/** What a wrapper changes. A part that is left out changes nothing. */
export interface View {
  /** Decides which keys are seen. A hidden key is not listed. If `lookup` or `fetch` asks for it, the replica inside is not
   * asked, and the key gets no outcome: nothing may be concluded from that [I3]. */
  readonly isShown?: (key: Key) => boolean;
  /** Changes an entry on its way out of a listing, of `lookup`, and of an outcome "written". */
  readonly listed?: (entry: Entry) => Entry;
  /** Changes the entry of a version on its way out of `read` and `fetch`. Whatever the replica inside showed passes it: the
   * value, `unstamped`, `alsoShown`, and what `onShown` is told. */
  readonly read?: (entry: Entry) => Entry;
  /** Changes the entry of a value on its way into `write`. */
  readonly written?: (entry: Entry) => Entry;
}

/** `inner` as seen through `view`. To close it closes `inner`. */
export function wrapReplica(inner: Replica, view: View): Replica {
  const { listed = unchanged, written = unchanged } = view;
  const { keepConflictCopy } = inner;
  return {
    ...wrapReadable(inner, view),
    traits: inner.traits,
    write: (writes, options) => {
      const own = written === unchanged ? writes : mapPages(writes, (write) => viewWrite(write, written));
      const results = inner.write(own, options);
      return listed === unchanged ? results : mapPages(results, (outcome) => viewWritten(outcome, listed));
    },
    remove: (entries, options) => inner.remove(entries, options),
    keepConflictCopy: keepConflictCopy && ((value) => keepConflictCopy(value)),
  };
}

/** As {@link wrapReplica}, of a replica that is only read. */
export function wrapReadable(inner: ReadableReplica, view: Omit<View, "written">): ReadableReplica {
  const { isShown = () => true, listed = unchanged, read = unchanged } = view;
  const { lookup, fetch } = inner;
  const readOptions = (options: TransferOptions = {}): TransferOptions => {
    const { onShown } = options;
    return onShown === undefined ? options : { ...options, onShown: (version) => onShown(viewShown(version, read)) };
  };
  const outcomes = (pages: Pages<ReadOutcome>): Pages<ReadOutcome> =>
    read === unchanged ? pages : mapPages(pages, (outcome) => viewOutcome(outcome, read));
  return {
    kind: inner.kind,
    label: inner.label,
    traits: inner.traits,
    list: (options) => listedPages(inner.list(options), isShown, listed),
    lookup: lookup && (async (keys, options) => (await lookup(keys.filter(isShown), options)).map(listed)),
    fetch: fetch && ((keys, options) => outcomes(fetch(keys.filter(isShown), readOptions(options)))),
    read: (entries, options) => outcomes(inner.read(entries, readOptions(options))),
    close: () => inner.close(),
  };
}

function unchanged(entry: Entry): Entry {
  return entry;
}

type Change = (entry: Entry) => Entry;

async function* listedPages(pages: Pages<Entry>, isShown: (key: Key) => boolean, listed: Change): Pages<Entry> {
  for await (const page of pages) {
    const shown = page.filter(({ key }) => isShown(key));
    yield listed === unchanged ? shown : shown.map(listed);
  }
}

async function* mapPages<A, B>(pages: Pages<A>, change: (item: A) => B): Pages<B> {
  for await (const page of pages) yield page.map(change);
}

function viewOutcome(outcome: ReadOutcome, read: Change): ReadOutcome {
  const alsoShown = outcome.alsoShown && { alsoShown: outcome.alsoShown.map((version) => viewShown(version, read)) };
  switch (outcome.kind) {
    case "value":
      return { ...outcome, ...alsoShown, value: viewValue(outcome.value, read) };
    case "absent":
      return { ...outcome, ...alsoShown };
    case "problem":
      return { ...outcome, ...alsoShown, ...(outcome.unstamped && { unstamped: viewValue(outcome.unstamped, read) }) };
  }
}

function viewShown(version: ShownVersion, read: Change): ShownVersion {
  return { ...version, entry: read(version.entry) };
}

function viewValue(value: Value, change: Change): Value {
  return { ...value, entry: change(value.entry) };
}

function viewWrite(write: Write, written: Change): Write {
  return { ...write, value: viewValue(write.value, written) };
}

function viewWritten(outcome: WriteOutcome, listed: Change): WriteOutcome {
  return outcome.kind === "written" ? { ...outcome, entry: listed(outcome.entry) } : outcome;
}
