// One request to the daemon and its answer. What fails says what failed and what to do next, as it does on the command line.

import type { Answers, Asks } from "./contract.ts";

export class AskError extends Error {
  override readonly name = "AskError";

  /** That of the daemon, or `login` or `unreachable`. */
  readonly code: string;
  readonly hint: string | null;

  constructor(code: string, message: string, hint: string | null) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

interface Answer {
  readonly ok?: boolean;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}

/** Throws AskError. */
export async function ask<Op extends keyof Asks>(op: Op, request: Asks[Op]): Promise<Answers[Op]> {
  const response = await send("/api", JSON.stringify({ op, ...request }));
  if (response.status === 401) throw loginNeeded();
  const answer = await answerOf(response);
  if (answer.ok === true) return answer.result as Answers[Op];
  const { error } = answer;
  if (error !== undefined) throw new AskError(error.code, error.message, error.hint);
  throw new AskError("unreachable", `the daemon answered with HTTP status ${response.status}`, null);
}

export async function logOut(): Promise<void> {
  await send("/logout", "");
}

function loginNeeded(): AskError {
  return new AskError(
    "login",
    "you are not logged in",
    "run kvsync page on the daemon's machine, and open the link that it prints",
  );
}

async function send(path: string, body: string): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      credentials: "same-origin",
    });
  } catch {
    throw new AskError("unreachable", "the daemon does not answer", "look whether kvsync run still runs");
  }
}

/** What is no JSON has no answer in it. */
async function answerOf(response: Response): Promise<Answer> {
  try {
    return (await response.json()) as Answer;
  } catch {
    return {};
  }
}
