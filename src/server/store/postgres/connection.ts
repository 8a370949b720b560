// The connections to the database: what the URL says, and a pool of them. How a database that cannot be used is told.
//
// `pg` decodes each column as UTF-8 before any parser of a type sees it: in its binary mode bytes are lost for good. So rows come as text, and
// bytes as hexadecimal digits: a part of 512 KiB takes 3.6 ms so, and 3.4 ms as base64.

import pg from "pg";
import type { DurationMs } from "../../../core/clock.ts";
import { AppError, visible } from "../../../core/errors.ts";
import { hideSecret } from "../../../core/redact.ts";
import { StoreUnavailable } from "../store.ts";
import { isLost, sqlState } from "./failure.ts";

/** How many connections, unless the URL says `pool=N`: as many requests are carried out at once. */
const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS: DurationMs = 5000;
/** No statement of ours takes longer, but for one that waits for another transaction. */
const STATEMENT_TIMEOUT_MS: DurationMs = 30_000;
/** A process that stands still in the middle of a transaction keeps others waiting no longer. */
const IDLE_IN_TRANSACTION_MS: DurationMs = 15_000;
/** When a server that does not even refuse is given up: it may be gone from the network. */
const ANSWER_TIMEOUT_MS: DurationMs = STATEMENT_TIMEOUT_MS + 5000;

const SETTINGS = `
  SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
  SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
  SET standard_conforming_strings = on;
`;

export interface DatabaseUrl {
  readonly config: pg.PoolConfig;
  /** How many connections are used at once; the pool may have one more. */
  readonly size: number;
  /** For people: without the password. */
  readonly label: string;
}

/** Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS`. What it leaves out is taken from PGHOST and its like, as `psql` does. Throws AppError
 * "usage". Its password is in nothing that is printed from here on. */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const { rest, size } = takePoolSize(url);
  if (hasPasswordElsewhere(rest)) throw noUrl();
  const mode = /[?&]sslmode=([^&#]*)/.exec(rest)?.[1];
  if (mode !== undefined && !SSL_MODES.has(mode)) {
    throw new AppError("usage", `sslmode=${visible(mode)} of the database's URL is no way to connect`, {
      hint: `it is one of ${[...SSL_MODES].join(", ")}`,
    });
  }
  let parameters: pg.Client;
  try {
    parameters = new pg.Client({ connectionString: withoutAliases(rest) });
  } catch {
    // What it says may quote the password.
    throw noUrl();
  }
  const { host, port, user, database, password } = parameters;
  if (typeof password === "string") hideSecret(password);
  const config: pg.PoolConfig = {
    connectionString: withoutAliases(rest),
    max: size + 1,
    application_name: "kvsync",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  };
  // `pg` would look for a file of passwords by a module that is not part of the program.
  if (password === null || password === undefined || password === "")
    config.password = () => Promise.reject(noPassword());
  const who = user === undefined ? "" : `${user}@`;
  const label = host.startsWith("/")
    ? `postgres://${who}/${database ?? ""}?host=${host}`
    : `postgres://${who}${host}:${port}/${database ?? ""}`;
  return { config, size, label: visible(label) };
}

const SSL_MODES: ReadonlySet<string> = new Set([
  "disable",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
  "no-verify",
]);

function noUrl(): AppError {
  return new AppError("usage", "what names the database is no URL of one", {
    hint: "write postgres://USER:PASSWORD@HOST:5432/DATABASE; a special character of the password is written as in %40 for @",
  });
}

/** A `/`, `?` or `#` in a password ends what is before the host: the rest of it would be taken for a host and a database, and be shown. */
function hasPasswordElsewhere(url: string): boolean {
  const [, authority = "", path = "", query = ""] = /^[a-z]+:\/\/([^/?#]*)([^?]*)(.*)$/s.exec(url) ?? [];
  return path.includes("@") || (!authority.includes("@") && /^\?[^=]*@.*\//s.test(query));
}

function takePoolSize(url: string): { readonly rest: string; readonly size: number } {
  const found = /[?&]pool=([^&#]*)/.exec(url);
  if (found === null) return { rest: url, size: POOL_SIZE };
  const size = Number(found[1]);
  if (!Number.isInteger(size) || size < 1 || size > 1000)
    throw new AppError("usage", "pool= of the database's URL is no number from 1 to 1000");
  const rest = url.replace(found[0], found[0].startsWith("?") ? "?" : "");
  return { rest: rest.replace("?&", "?"), size };
}

/** To `pg` all of these mean `verify-full`, but it warns of a later meaning. */
function withoutAliases(url: string): string {
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, "$1verify-full");
}

const INT8: number = pg.types.builtins.INT8;

/** Whole numbers as numbers, where others would be inexact; the rest as `pg` has it. */
function getTypeParser(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid === INT8) return Number;
  return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
}

/** A pool whose lost connections are no errors of the process: who uses one is told by the statement that fails. A connection that `admit` rejects is
 * not used. */
export function openPool({ config }: DatabaseUrl, admit: (client: pg.ClientBase) => Promise<void>): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    onConnect: async (client) => {
      // Not as parameters of the connection: a pooler refuses those that it does not know.
      await client.query(SETTINGS);
      await admit(client);
    },
  });
  pool.on("connect", (client) => client.on("error", () => undefined));
  pool.on("error", () => undefined);
  return pool;
}

function noPassword(): AppError {
  return new AppError("unauthorized", "the database asks for a password, and its URL has none", {
    hint: "write it into the URL, postgres://USER:PASSWORD@HOST/DATABASE, or set PGPASSWORD",
  });
}

/** Why the database of `label` could not be opened. */
export function openFailure(label: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const reason = visible(cause instanceof Error && cause.message !== "" ? cause.message : String(cause));
  const failed = `cannot open the database ${label}: ${reason}`;
  const first = cause instanceof StoreUnavailable ? cause.cause : cause;
  const known = HINTS.find(([pattern]) => pattern.test(sqlState(first) ?? ""));
  if (known !== undefined) return new AppError(known[1], failed, { hint: known[2], cause });
  if (/ssl|certificate/i.test(reason)) {
    return new AppError("network", failed, {
      hint: "add ?sslmode=disable where the way to the database is your own; or ?sslmode=verify-full&sslrootcert=FILE with the certificate of who signed the server's",
      cause,
    });
  }
  if (!isLost(cause)) return new AppError("failed", failed, { cause });
  return new AppError("network", failed, { cause, retryable: true, hint: UNREACHABLE });
}

const UNREACHABLE = "see that PostgreSQL runs there, and that host and port are right";
const HINTS: readonly (readonly [pattern: RegExp, code: "unauthorized" | "network" | "usage", hint: string])[] = [
  [/^28/, "unauthorized", "see that user and password are right, and that pg_hba.conf lets this user in from here"],
  [/^3D000$/, "usage", "make it: createdb --encoding=UTF8 NAME"],
  [/^3F000$/, "usage", "make the schema that search_path names: CREATE SCHEMA NAME"],
  [
    /^42501$/,
    "unauthorized",
    "let the user make tables (GRANT CREATE ON SCHEMA public TO USER) and own those that are there; or give it a database of its own",
  ],
  [/^42P07$/, "usage", "somebody else has tables of these names there: give the server a database of its own"],
  [/^25006$/, "network", "it is a stand-by, or was made read only: name the one that takes writes"],
  [/^53300$/, "network", "the server has no connection left: raise its max_connections, or give fewer with ?pool=N"],
  [/^(ENOTFOUND|EAI_AGAIN)$/, "network", "see that the name of the host is right"],
];
