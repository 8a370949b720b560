// One thing that `kvsync doctor` looked at.

export interface Check {
  readonly status: "ok" | "warn" | "fail";
  /** What it is about: `state folder`, `account prod`, `mapping app-config`. */
  readonly subject: string;
  readonly message: string;
  /** What to do; always there unless all is well. */
  readonly hint?: string;
}

export function ok(subject: string, message: string): Check {
  return { status: "ok", subject, message };
}

export function warn(subject: string, message: string, hint: string): Check {
  return { status: "warn", subject, message, hint };
}

export function fail(subject: string, message: string, hint: string): Check {
  return { status: "fail", subject, message, hint };
}
