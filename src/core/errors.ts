// AppError: an operation failed as a whole. The code is from a closed catalogue; the hint says what to do next; the
// exit code is decided from the code in cli/exit-code.ts and nowhere else.

export type ErrorCode =
  | "usage"
  | "config-invalid"
  | "config-missing"
  | "location-invalid"
  | "namespace-not-found"
  | "namespace-exists"
  | "key-not-found"
  | "key-invalid"
  | "unauthorized"
  | "rate-limited"
  | "quota-exhausted"
  | "budget-exhausted"
  | "network"
  | "api-error"
  | "api-malformed"
  | "request-too-large"
  | "not-text"
  | "unsupported"
  | "locked"
  | "not-running"
  | "state-damaged"
  /** The state folder was removed or replaced while it was in use. */
  | "state-removed"
  | "plan-outdated"
  | "held"
  /** A person paused the mapping: nothing is done until it is resumed. */
  | "paused"
  | "root-missing"
  /** What was to be copied or compared holds nothing: most often a name that was mistyped. */
  | "source-empty"
  /** An archive that is not whole, or not as it was written. */
  | "archive-refused"
  /** A store of backups does not answer as one. */
  | "store-failed"
  /** No repository, one of a newer version, or one that no passphrase given opens. */
  | "repository-refused"
  /** An object of a repository is missing, or not as it was written. */
  | "repository-damaged"
  | "snapshot-not-found"
  | "io"
  | "disk-full"
  | "address-in-use"
  | "interrupted"
  /** What was asked for was looked into, and did not come out well. */
  | "failed"
  /** Done, but a program that the config names to be run afterwards failed. */
  | "hook-failed"
  /** Done but for some keys. */
  | "incomplete"
  /** Conflicts wait for a person. */
  | "conflicts";

export interface AppErrorOptions {
  readonly hint?: string;
  readonly cause?: unknown;
  /** Whether the same call may succeed later without anyone doing anything. */
  readonly retryable?: boolean;
}

/** An operation failed. `message` says what failed on which noun, in lower case, never with a secret. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}

/** A bug if `condition` is false: crashes, and is never caught on the way to exit code 70. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(invariant);
}

class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** `text` with control characters, which could rewrite a terminal, made visible. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}
