// The tables, and how they come to be: a version at a time, each in a transaction of its own, so that processes that start at once
// do not get in each other's way. What is in a statement here is never changed once it was released: a new version is added.

import type pg from "pg";
import { AppError } from "../../../core/errors.ts";
import { StoreUnavailable } from "../store.ts";
import type { Session, Statement } from "./session.ts";

/** By version, from 1 on. */
const VERSIONS: readonly string[] = [
  `
  CREATE TABLE kv_namespace (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used again, so that what a dropped namespace had can go slowly
    id text COLLATE "C" NOT NULL UNIQUE,
    account text COLLATE "C" NOT NULL,
    title bytea NOT NULL, -- UTF-8; no text, which refuses the NUL that a title may have
    jurisdiction text,
    mode text,
    changes bigint NOT NULL DEFAULT 0, -- the number of the newest; its row is locked by who writes
    forgotten bigint NOT NULL DEFAULT 0, -- changes up to this one
    logged_until bigint NOT NULL DEFAULT 0, -- milliseconds since 1970: up to then somebody wants to know of changes
    UNIQUE (account, title)
  );
  CREATE INDEX kv_namespace_in_order ON kv_namespace (account, id);

  CREATE TABLE kv_dropped ( -- namespaces that were removed, whose rows are still to be purged
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    request uuid NOT NULL -- by which who removed it knows that he did
  );

  CREATE TABLE kv_entry (
    namespace bigint NOT NULL,
    key bytea NOT NULL, -- UTF-8: its order is byte order [I1], whatever collation the database has
    metadata text, -- compact JSON, spliced into answers as it is
    expiration bigint,
    value bytea, -- null: it is a long one
    long uuid, -- whose parts are in kv_part
    length integer, -- of a long one
    replaced uuid, -- the long value whose place this one took: ON CONFLICT can return it in no other way
    PRIMARY KEY (namespace, key)
  );
  CREATE INDEX kv_entry_expiration ON kv_entry (expiration) WHERE expiration IS NOT NULL;

  CREATE TABLE kv_part ( -- of long values, which are never changed
    value uuid NOT NULL,
    number integer NOT NULL, -- from 0 on
    bytes bytea NOT NULL,
    PRIMARY KEY (value, number)
  );
  CREATE TABLE kv_doomed ( -- long values that no key has: not yet, or no more
    value uuid PRIMARY KEY,
    since bigint NOT NULL -- milliseconds since 1970
  );
  CREATE INDEX kv_doomed_since ON kv_doomed (since);

  CREATE TABLE kv_change (
    namespace bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL, -- milliseconds since 1970
    keys bytea NOT NULL, -- with a byte 0xff, which UTF-8 has not, between them
    PRIMARY KEY (namespace, number)
  );
  CREATE INDEX kv_change_at ON kv_change (at);

  CREATE TABLE kv_turn (name text PRIMARY KEY); -- rows to be locked, by who does what only one process does at a time
  INSERT INTO kv_turn (name) VALUES ('purge');
  `,
];

/** PostgreSQL compresses what is longer than 2 KB unless told otherwise, which takes longer than to write it. Others have no such thing. */
const POSTGRES_ONLY = `
  ALTER TABLE kv_entry ALTER COLUMN value SET STORAGE EXTERNAL;
  ALTER TABLE kv_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
`;

const VERSION = "SELECT version FROM kv_schema WHERE one = 1";

const SERVER_VERSION_MIN = 150_000;

interface Server {
  readonly isPostgres: boolean;
}

/** Makes or completes the tables. Throws AppError "state-damaged": they are of a newer kvsync; "unsupported": the server is too old, or the
 * database's encoding is not UTF8. */
export async function migrate(session: Session, label: string): Promise<void> {
  const server = await checkServer(session, label);
  if ((await readVersion(session)) === VERSIONS.length) return;
  // Of processes that start at once one makes the row first, and the others wait for it here: to find its work done.
  await session.atomically(async (unit) => {
    await unit.query(
      run("CREATE TABLE IF NOT EXISTS kv_schema (one integer PRIMARY KEY, version integer NOT NULL)"),
      [],
    );
    await unit.query(run("INSERT INTO kv_schema (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING"), []);
  });
  for (;;) {
    const version = await session.atomically((unit) => step(unit, server));
    if (version > VERSIONS.length) {
      throw new AppError("state-damaged", `the database ${label} was written by a newer kvsync (schema ${version})`, {
        hint: "upgrade kvsync, or name another database",
      });
    }
    if (version === VERSIONS.length) return;
  }
}

/** Throws StoreUnavailable if the tables are not those of this kvsync any more: a newer one has changed them, or another copy of the data was put in
 * their place. Whoever does not know them all would write wrongly. Asked of each new connection: a version that is added here is to end those of others. */
export async function checkTables(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ version: number }>(VERSION);
  const version = rows[0]?.version ?? 0;
  if (version === VERSIONS.length) return;
  throw new StoreUnavailable(
    version > VERSIONS.length
      ? `a newer kvsync has changed the database's tables (schema ${version}): upgrade this server, or stop it`
      : `the database's tables are those of an older kvsync (schema ${version}): restart this server, which completes them`,
  );
}

/** One version further, if there is one. Returns where it is now. */
async function step(session: Session, { isPostgres }: Server): Promise<number> {
  const [row] = await session.query<[number]>(run(`${VERSION} FOR UPDATE`), []);
  const version = row?.[0] ?? 0;
  const next = VERSIONS[version];
  if (next === undefined) return version;
  for (const text of statementsOf(isPostgres ? next + POSTGRES_ONLY : next)) await session.query(run(text), []);
  await session.query(run(`UPDATE kv_schema SET version = ${version + 1} WHERE one = 1`), []);
  return version + 1;
}

/** Undefined: there are no tables yet. */
async function readVersion(session: Session): Promise<number | undefined> {
  const [row] = await session.query<[string | null]>(run("SELECT to_regclass('kv_schema')::text"), []);
  if (row?.[0] === null || row === undefined) return undefined;
  const [found] = await session.query<[number]>(run(VERSION), []);
  return found?.[0];
}

async function checkServer(session: Session, label: string): Promise<Server> {
  const [row] = await session.query<[string, string, string]>(
    run("SELECT version(), current_setting('server_version_num'), current_setting('server_encoding')"),
    [],
  );
  const [version = "", number = "0", encoding = ""] = row ?? [];
  // CockroachDB names the PostgreSQL that it is like in its protocol.
  const isCockroach = version.includes("CockroachDB");
  if (!isCockroach && Number(number) < SERVER_VERSION_MIN) {
    throw new AppError("unsupported", `the database ${label} is on ${version.split(" (")[0]}`, {
      hint: "upgrade it: PostgreSQL 15 or later is asked for",
    });
  }
  if (encoding.replace("-", "").toUpperCase() !== "UTF8") {
    throw new AppError(
      "unsupported",
      `the database ${label} has the encoding ${encoding}, which cannot hold all texts`,
      {
        hint: "make one that can: createdb --encoding=UTF8 --template=template0 NAME",
      },
    );
  }
  return { isPostgres: !isCockroach && !version.includes("-YB-") };
}

/** Not prepared by a name: they are asked once. */
function run(text: string): Statement {
  return { name: "", text };
}

/** No text in them has a semicolon. */
function statementsOf(texts: string): readonly string[] {
  return texts
    .split("\n")
    .map((line) => line.replace(/--.*/, ""))
    .join("\n")
    .split(";")
    .filter((text) => text.trim() !== "");
}
