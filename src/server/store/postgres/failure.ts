// What went wrong between us and the database, told apart by what helps: asking again, over another connection or from the start of the
// transaction; or nothing.

import { StoreUnavailable } from "../store.ts";

/** "lost": the connection is of no use any more, and whether what was asked was done is not known. "conflict": nothing was done, since another
 * transaction was in the way. "unprepared": a pooler in between does not keep prepared statements. "stuck": the database takes no more
 * work for the moment, or took too long. */
export type FailureKind = "lost" | "conflict" | "unprepared" | "stuck" | "other";

/** What Node says of a socket that does not lead to a database, or no longer. */
const SOCKET_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOENT", // the socket file of a server that is stopped
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** `pg` has no codes for these. */
const LOST_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const KINDS: readonly (readonly [pattern: RegExp, kind: FailureKind])[] = [
  // A connection failed; the server is stopped, has crashed, or starts; a session was ended; too many connections.
  [/^(08...|57P0[1235]|25P03|53300)$/, "lost"],
  // This server has become the stand-by of another one.
  [/^25006$/, "lost"],
  // Serialisation failure, deadlock; a row, or a table, that two wanted to add.
  [/^(40001|40P01|40003|23505|42710|42P07)$/, "conflict"],
  // A prepared statement that is not there, or is there already; one that fits no more.
  [/^(26000|42P05)$/, "unprepared"],
  // Resources ran out; statement_timeout and lock_timeout.
  [/^(53...|57014|55P03)$/, "stuck"],
];

export function failureKind(error: unknown): FailureKind {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return "other";
  const code = sqlState(error);
  if (code !== undefined) {
    if (SOCKET_CODES.has(code)) return "lost";
    const known = KINDS.find(([pattern]) => pattern.test(code));
    if (known !== undefined) return known[1];
  }
  return LOST_MESSAGES.test(error.message) ? "lost" : "other";
}

/** Of the database, or of Node. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What an operation ends with when asking again has not helped. */
export function unavailable(cause: unknown): StoreUnavailable {
  if (failureKind(cause) === "conflict")
    return new StoreUnavailable("others wrote to the database all the while: nothing was written", { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailable(`the database does not answer: ${reason}`, { cause });
}
