// `ACCOUNT:*`: every namespace that an account has at that moment, one after the other. One that fails is told, and the others go on.

import { counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { listAllNamespaces } from "../../kv/list-all-namespaces.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";

/** `prod` of `prod:*`; undefined: `text` is one place. */
export function accountOfAll(text: string): string | undefined {
  return /^([^:/]+):\*$/.exec(text)?.[1];
}

/** Runs `work` for each namespace of `account`, with the location that names it for good, and returns the worst exit code. Throws AppError
 * "source-empty" for an account without namespaces. */
export async function eachNamespace(
  context: Context,
  account: OpenAccount,
  work: (namespace: Namespace, location: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const namespaces = await listAllNamespaces(account.api, context.signal);
  if (namespaces.length === 0) {
    throw new AppError("source-empty", `account "${visible(account.name)}" has no namespaces`, {
      hint: "check which account is meant: kvsync namespace list",
    });
  }
  const codes: ExitCode[] = [];
  for (const namespace of namespaces) {
    const title = `${account.name}:${visible(namespace.title)}`;
    try {
      codes.push(await work(namespace, `${account.name}:${namespace.id}`));
    } catch (error) {
      if (!(error instanceof AppError) || context.signal.aborted || CONCERNS_ALL.has(error.code)) throw error;
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      context.tellFailure(new AppError(error.code, `${title}: ${error.message}`, { ...hint, cause: error }), title);
      codes.push(exitCodeOf(error));
    }
  }
  const failed = codes.filter((code) => code !== 0).length;
  if (failed > 0) context.output.warn(`  ${failed} of ${counted(namespaces.length, "namespace")} did not end well`);
  return worstExitCode(codes);
}

/** What one namespace fails with, so would the next. */
const CONCERNS_ALL: ReadonlySet<AppError["code"]> = new Set([
  "unauthorized",
  "locked",
  "state-damaged",
  "state-removed",
  "disk-full",
  "budget-exhausted",
  "interrupted",
]);
