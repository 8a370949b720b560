// A replica under other names: each key is listed, read and fetched by the name that it has at the destination. Since new names
// stand in another order than the old ones, the whole listing is sorted first, in a scratch table on disk: a million keys take no
// more memory than a thousand [I1].
//
// A name that two keys would have is listed for neither of them, and nothing is concluded from it [I3]; one that is no key of KV is a
// problem, too.

import { DatabaseSync } from "node:sqlite";
import type { EpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { assert, visible } from "../../core/errors.ts";
import type { Fingerprint } from "../../core/fingerprint.ts";
import { type Key, KEY_FAULTS, keyFault } from "../../core/key.ts";
import { type Problem, problem } from "../../core/problem.ts";
import type {
  ListOptions,
  Pages,
  ReadableReplica,
  ReadOutcome,
  TransferOptions,
  Value,
} from "../../replica/replica.ts";
import { formerNames, renameKey, type RenameRule } from "../rename-keys.ts";

/** To close it closes `inner`. `isAsked`: no other key has a new name. */
export function openRenamedSource(
  inner: ReadableReplica,
  rules: readonly RenameRule[],
  isAsked: (key: Key) => boolean = () => true,
): ReadableReplica {
  const table = openNameTable();
  const { fetch } = inner;
  const formerOf = (key: Key): FormerNames => {
    const listed = table.former(key);
    if (listed.length > 1) return { kind: "several", names: listed };
    const possible = (formerNames(key, rules) as readonly Key[]).filter(isAsked);
    return { kind: "possible", names: listed.length === 0 ? possible : listed };
  };
  return {
    kind: inner.kind,
    label: inner.label,
    traits: inner.traits,
    list: (options) => list(inner, table, rules, options),
    lookup: undefined,
    fetch: fetch && ((keys, options) => fetchRenamed(fetch, keys, formerOf, options)),
    read: (entries, options) => readRenamed(inner, entries, table, options),
    close: async () => {
      table.close();
      await inner.close();
    },
  };
}

/** "several": the listing showed it under all of these, so it stands for none of them. */
interface FormerNames {
  readonly kind: "several" | "possible";
  readonly names: readonly Key[];
}

const PAGE_ENTRIES = 1000;
/** So many collisions are told; of the others, too, nothing is concluded. */
const COLLISIONS_TOLD_MAX = 1000;

async function* list(
  inner: ReadableReplica,
  table: NameTable,
  rules: readonly RenameRule[],
  options: ListOptions,
): Pages<Entry> {
  const { onProblem, onUnknown = () => {} } = options;
  table.clear();
  // What is not known of an old name is not known of the new one.
  const inside: ListOptions = {
    ...options,
    onUnknown: (unknown) =>
      onUnknown("key" in unknown ? { ...unknown, key: renameKey(unknown.key, rules) as Key } : { prefix: "" }),
  };
  for await (const page of inner.list(inside)) {
    const named: [string, Entry][] = [];
    for (const entry of page) {
      const name = renameKey(entry.key, rules);
      const fault = keyFault(name);
      if (fault === undefined) named.push([name, entry]);
      else onProblem(problem("key-invalid", entry.key, `would be "${visible(name)}", and ${KEY_FAULTS[fault]}`));
    }
    table.add(named);
  }
  let collisions = 0;
  for (const { key, former } of table.collisions(PAGE_ENTRIES)) {
    if (++collisions <= COLLISIONS_TOLD_MAX) for (const name of former) onProblem(collision(name, key, former));
    onUnknown({ key });
  }
  yield* table.pages(PAGE_ENTRIES);
}

async function* readRenamed(
  inner: ReadableReplica,
  entries: Pages<Entry>,
  table: NameTable,
  options: TransferOptions | undefined,
): Pages<ReadOutcome> {
  /** By the old name, of those that are asked for and have no outcome yet. */
  const names = new Map<Key, Key>();
  const asked = async function* (): Pages<Entry> {
    for await (const page of entries) {
      yield page.map((entry) => {
        const [former] = table.former(entry.key);
        assert(former !== undefined, "what is read was listed");
        names.set(former, entry.key);
        return { ...entry, key: former };
      });
    }
  };
  for await (const page of inner.read(
    asked(),
    renamedOptions(options, (key) => names.get(key) ?? key),
  )) {
    yield page.map((outcome) => {
      const key = names.get(outcome.key);
      assert(key !== undefined, "an outcome belongs to a key that was asked for");
      names.delete(outcome.key);
      return renamedOutcome(outcome, key);
    });
  }
}

async function* fetchRenamed(
  fetch: NonNullable<ReadableReplica["fetch"]>,
  keys: readonly Key[],
  formerOf: (key: Key) => FormerNames,
  options: TransferOptions | undefined,
): Pages<ReadOutcome> {
  const left = new Map<Key, number>();
  const names = new Map<Key, Key>();
  for (const key of keys) {
    const { kind, names: former } = formerOf(key);
    if (kind === "several") {
      yield [{ kind: "problem", key, problem: { ...collision(former[0]!, key, former), subject: key } }];
      continue;
    }
    left.set(key, former.length);
    for (const name of former) names.set(name, key);
    if (former.length === 0) yield [{ kind: "absent", key }];
  }
  const expected =
    options?.expected && new Map([...names].flatMap(([former, key]) => expectedOf(former, key, options)));
  const given = renamedOptions(options, (key) => names.get(key) ?? key);
  for await (const page of fetch([...names.keys()], { ...given, ...(expected !== undefined && { expected }) })) {
    yield page.flatMap((outcome) => {
      const key = names.get(outcome.key)!;
      const others = left.get(key)! - 1;
      left.set(key, others);
      // It may have another old name, under which it is.
      return outcome.kind === "absent" && others > 0 ? [] : [renamedOutcome(outcome, key)];
    });
  }
}

function collision(name: Key, key: Key, former: readonly Key[]): Problem {
  const others = former.filter((other) => other !== name).map((other) => `"${visible(other)}"`);
  return problem("name-collision", name, `would be "${visible(key)}", as ${others.join(" and ")} would: rename apart`);
}

function expectedOf(former: Key, key: Key, { expected }: TransferOptions): readonly [Key, Entry][] {
  const entry = expected?.get(key);
  return entry === undefined ? [] : [[former, { ...entry, key: former }]];
}

function renamedOptions(options: TransferOptions | undefined, nameOf: (key: Key) => Key): TransferOptions {
  const { onShown } = options ?? {};
  if (onShown === undefined) return options ?? {};
  return {
    ...options,
    onShown: (version) => onShown({ ...version, entry: { ...version.entry, key: nameOf(version.entry.key) } }),
  };
}

function renamedOutcome(outcome: ReadOutcome, key: Key): ReadOutcome {
  const { alsoShown } = outcome;
  const shown = alsoShown && {
    alsoShown: alsoShown.map((version) => ({ ...version, entry: { ...version.entry, key } })),
  };
  switch (outcome.kind) {
    case "value":
      return { ...outcome, ...shown, key, value: renamedValue(outcome.value, key) };
    case "absent":
      return { ...outcome, ...shown, key };
    case "problem":
      return {
        ...outcome,
        ...shown,
        key,
        problem: renamedProblem(outcome.problem, key),
        ...(outcome.unstamped && { unstamped: renamedValue(outcome.unstamped, key) }),
      };
  }
}

function renamedValue(value: Value, key: Key): Value {
  return { ...value, entry: { ...value.entry, key } };
}

function renamedProblem(found: Problem, key: Key): Problem {
  return { ...found, subject: key };
}

interface Collision {
  readonly key: Key;
  readonly former: readonly Key[];
}

/** The listing of a source by new names, in a file without a name that is gone with the process. */
interface NameTable {
  clear(): void;
  add(named: readonly (readonly [name: string, entry: Entry])[]): void;
  collisions(atOnce: number): Generator<Collision, void>;
  /** In the order of new names, without those that several keys would have. */
  pages(entries: number): Generator<readonly Entry[], void>;
  /** Those that were listed: several, where they collide. */
  former(key: Key): readonly Key[];
  close(): void;
}

interface Row {
  readonly name: Uint8Array;
  readonly fingerprint: string | null;
  readonly metadata: string | null;
  readonly expiration: number | null;
  readonly size: number | null;
  readonly is_binary: number | null;
}

function openNameTable(): NameTable {
  const database = new DatabaseSync("");
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -1000;
    CREATE TABLE entry (name BLOB NOT NULL, former BLOB NOT NULL, fingerprint TEXT, metadata TEXT, expiration INTEGER,
      size INTEGER, is_binary INTEGER, PRIMARY KEY (name, former)) WITHOUT ROWID`);
  const insert = database.prepare("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)");
  const some = database.prepare(
    `SELECT name, fingerprint, metadata, expiration, size, is_binary FROM entry WHERE name > ?
     GROUP BY name HAVING count(*) = 1 ORDER BY name LIMIT ?`,
  );
  const formerOf = database.prepare("SELECT former FROM entry WHERE name = ?");
  const clashes = database.prepare(
    "SELECT name FROM entry WHERE name > ? GROUP BY name HAVING count(*) > 1 ORDER BY name LIMIT ?",
  );
  const former = (name: Uint8Array): readonly Key[] =>
    (formerOf.all(name) as unknown as readonly { readonly former: Uint8Array }[]).map((row) => textOf(row.former));
  return {
    clear: () => database.exec("DELETE FROM entry"),
    add(named) {
      database.exec("BEGIN");
      for (const [name, { key, fingerprint, metadata, expiration, size, binary }] of named) {
        const kind = binary === undefined ? null : Number(binary);
        insert.run(
          Buffer.from(name),
          Buffer.from(key),
          fingerprint ?? null,
          metadata ?? null,
          expiration ?? null,
          size ?? null,
          kind,
        );
      }
      database.exec("COMMIT");
    },
    *collisions(atOnce) {
      for (let after: Uint8Array = new Uint8Array(0); ;) {
        const rows = clashes.all(after, atOnce) as unknown as readonly Pick<Row, "name">[];
        const last = rows.at(-1);
        if (last === undefined) return;
        after = Buffer.from(last.name);
        for (const { name } of rows) yield { key: textOf(name), former: former(name) };
      }
    },
    *pages(entries) {
      for (let after: Uint8Array = new Uint8Array(0); ;) {
        const rows = some.all(after, entries) as unknown as readonly Row[];
        const last = rows.at(-1);
        if (last === undefined) return;
        after = Buffer.from(last.name);
        yield rows.map(entryOf);
      }
    },
    former: (key) => former(Buffer.from(key)),
    close: () => database.close(),
  };
}

function entryOf({ name, fingerprint, metadata, expiration, size, is_binary: binary }: Row): Entry {
  return {
    key: textOf(name),
    fingerprint: (fingerprint ?? undefined) as Fingerprint | undefined,
    metadata: metadata ?? undefined,
    expiration: (expiration ?? undefined) as EpochSeconds | undefined,
    ttlSeconds: undefined,
    size: size ?? undefined,
    signature: undefined,
    binary: binary === null ? undefined : binary === 1,
  };
}

function textOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes).toString("utf8") as Key;
}
