// Where hooks tell of what becomes of them: the log of the daemon, or the terminal of a single round.

/** Messages are in lower case; `fields` is what varies, for programs. */
export interface HookLog {
  debug(message: string, fields?: HookLogFields): void;
  info(message: string, fields?: HookLogFields): void;
  warn(message: string, fields?: HookLogFields): void;
  error(message: string, fields?: HookLogFields): void;
}

type HookLogFields = Readonly<Record<string, unknown>>;
