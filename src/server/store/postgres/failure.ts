// What went wrong between us and the database, told apart by what helps: asking again, over another connection or from the start of the
// transaction; or nothing.

import { StoreUnavailable } from "../store.ts";

/** "lost": the connection is of no use any more, and whether what was asked was done is not known. "away": the connection is of no use any
 * more, and nothing was done. "unknown": the connection is good, but whether what was asked was done is not known. "conflict": nothing was
 * done, since another transaction was in the way. "unprepared": a pooler in between does not keep prepared statements. "stuck": the
 * database takes no more work for the moment, or took too long; nothing was done. */
export type FailureKind = "lost" | "away" | "unknown" | "conflict" | "unprepared" | "stuck" | "other";

/** What Node says of a socket that does not lead to a database, or no longer. */
const SOCKET_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "EPROTO", // TLS
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
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout)/;
/** Said instead of sending anything. */
const AWAY_MESSAGES = /^(Client has encountered a connection error|Client was closed)/;

/** SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const KINDS: readonly (readonly [pattern: RegExp, kind: FailureKind])[] = [
  // The statement's completion, or the transaction's, is unknown: CockroachDB's "result is ambiguous".
  [/^(40003|08007)$/, "unknown"],
  // A connection failed, or the server crashed.
  [/^(08...|57P02)$/, "lost"],
  // The server is stopped, or a session was ended: PostgreSQL says so before a commit, and never after it. It starts; too many connections.
  [/^(57P0[135]|25P03|53300)$/, "away"],
  // This server has become the stand-by of another one, and refuses to write.
  [/^25006$/, "away"],
  // Serialisation failure, deadlock; a row, or a table, that two wanted to add.
  [/^(40001|40P01|23505|42710|42P07)$/, "conflict"],
  // A prepared statement that is not there, or is there already; one that fits no more.
  [/^(26000|42P05)$/, "unprepared"],
  // Resources ran out; statement_timeout and lock_timeout.
  [/^(53...|57014|55P03)$/, "stuck"],
];

export function failureKind(error: unknown): FailureKind {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return "other";
  const code = sqlState(error);
  if (code !== undefined) {
    if (SOCKET_CODES.has(code)) return wasWriting(error) ? "away" : "lost";
    const known = KINDS.find(([pattern]) => pattern.test(code));
    if (known !== undefined) return known[1];
  }
  if (AWAY_MESSAGES.test(error.message)) return "away";
  return LOST_MESSAGES.test(error.message) ? "lost" : "other";
}

/** A statement whose last byte could not be given away has not come as a whole. The database does nothing for good without the end of it. */
function wasWriting(error: Error): boolean {
  return "syscall" in error && error.syscall === "write";
}

/** Whether the connection is of no use any more. */
export function isLost(error: unknown): boolean {
  const kind = failureKind(error);
  return kind === "lost" || kind === "away";
}

/** Of the database, or of Node. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What a write ends with that is not asked again, since it may have been carried out. */
export function inDoubt(cause: unknown): StoreUnavailable {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailable(`the database did not say whether a write was carried out: ${reason}`, { cause });
}

/** What an operation ends with when asking again has not helped. */
export function unavailable(cause: unknown): StoreUnavailable {
  const state = sqlState(cause) ?? "";
  if (/^(40001|40P01|23505)$/.test(state))
    return new StoreUnavailable("others wrote to the database all the while: nothing was written", { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isRefusal = /^[0-9A-Z]{5}$/.test(state) && !SOCKET_CODES.has(state);
  return new StoreUnavailable(`the database ${isRefusal ? "refuses" : "does not answer"}: ${reason}`, { cause });
}
