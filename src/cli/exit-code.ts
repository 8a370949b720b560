// Exit codes: the only place that knows them. A contract with scripts: documented in README.md, and append-only.

import { AppError, type ErrorCode } from "../core/errors.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done but for some keys, which were listed. */
  incomplete: 3,
  /** `diff` and `check` found differences. */
  different: 4,
  held: 5,
  conflicts: 6,
  configInvalid: 7,
  unauthorized: 8,
  budgetExhausted: 9,
  locked: 10,
  stateDamaged: 11,
  /** A saved plan that no longer fits, or was applied already. */
  planOutdated: 12,
  bug: 70,
  sigint: 130,
  /** What reads our output has gone away. */
  sigpipe: 141,
  sigterm: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const byErrorCode: Readonly<Record<ErrorCode, ExitCode>> = {
  usage: EXIT.usage,
  "location-invalid": EXIT.usage,
  "key-invalid": EXIT.usage,
  "config-invalid": EXIT.configInvalid,
  "config-missing": EXIT.configInvalid,
  "namespace-not-found": EXIT.failed,
  "namespace-exists": EXIT.failed,
  "key-not-found": EXIT.failed,
  unauthorized: EXIT.unauthorized,
  "rate-limited": EXIT.failed,
  "quota-exhausted": EXIT.failed,
  "budget-exhausted": EXIT.budgetExhausted,
  network: EXIT.failed,
  "api-error": EXIT.failed,
  "api-malformed": EXIT.failed,
  "request-too-large": EXIT.failed,
  "not-text": EXIT.failed,
  unsupported: EXIT.failed,
  locked: EXIT.locked,
  "not-running": EXIT.failed,
  "state-damaged": EXIT.stateDamaged,
  "state-removed": EXIT.stateDamaged,
  "plan-outdated": EXIT.planOutdated,
  held: EXIT.held,
  paused: EXIT.held,
  "root-missing": EXIT.failed,
  "source-empty": EXIT.failed,
  "archive-refused": EXIT.failed,
  "store-failed": EXIT.failed,
  "repository-refused": EXIT.failed,
  "repository-damaged": EXIT.failed,
  "snapshot-not-found": EXIT.failed,
  io: EXIT.failed,
  "disk-full": EXIT.failed,
  "address-in-use": EXIT.failed,
  interrupted: EXIT.sigint,
  failed: EXIT.failed,
  "hook-failed": EXIT.failed,
  incomplete: EXIT.incomplete,
  conflicts: EXIT.conflicts,
};

/** What went wrong into the code of the process: all but an AppError is a bug. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof AppError ? byErrorCode[error.code] : EXIT.bug;
}

/** What outweighs what when several mappings end differently: a failure comes before a hold, a hold before missing keys. */
const WORST_FIRST: readonly ExitCode[] = [
  EXIT.bug,
  EXIT.stateDamaged,
  EXIT.unauthorized,
  EXIT.budgetExhausted,
  EXIT.failed,
  EXIT.planOutdated,
  EXIT.held,
  EXIT.incomplete,
  EXIT.conflicts,
  EXIT.different,
];

export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  return WORST_FIRST.find((code) => codes.includes(code)) ?? codes.find((code) => code !== EXIT.done) ?? EXIT.done;
}

/** What a command that ends with `exitCode` has failed in, as far as the code alone tells; undefined: it has not failed. That
 * there are differences is an answer. */
export function failureOfExitCode(exitCode: ExitCode): AppError | undefined {
  if (exitCode === EXIT.done || exitCode === EXIT.different) return undefined;
  const [code, message] = endings.get(exitCode) ?? ["failed", "it failed: the lines before say in what"];
  return new AppError(code, message);
}

const endings: ReadonlyMap<ExitCode, readonly [ErrorCode, string]> = new Map([
  [EXIT.incomplete, ["incomplete", "some keys failed: the lines before name each"]],
  [EXIT.held, ["held", "a guard holds the plan, and nothing was changed"]],
  [EXIT.conflicts, ["conflicts", "conflicts wait: the lines before name each"]],
  [EXIT.planOutdated, ["plan-outdated", "the plan no longer fits, and nothing was changed"]],
]);

const bySignal = { SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm, SIGPIPE: EXIT.sigpipe } as const;

export type StopSignal = keyof typeof bySignal;

export function exitCodeOfSignal(signal: StopSignal): ExitCode {
  return bySignal[signal];
}
