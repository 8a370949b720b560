// What a mapping knows of a failure that its cause does not say.

import { kvsyncCommand } from "../core/shell-word.ts";
import type { MappingConfig } from "../config/config.ts";
import { AppError, visible } from "../core/errors.ts";
import type { MappingFacts } from "../journal/mapping-facts.ts";

/** `error`, unless more can be said of it: a namespace that was there before is not made anew, since who deleted it may
 * have meant it. */
export function explained(
  error: AppError,
  { name, namespace, account }: MappingConfig,
  before: MappingFacts | undefined,
): AppError {
  const was = before?.namespaceId;
  if (error.code !== "namespace-not-found" || was === undefined) return error;
  const anew =
    namespace === was
      ? ""
      : `${kvsyncCommand("namespace create", [`${account}:${namespace}`])}, then kvsync approve ${name}, which first shows what it would do; or `;
  return new AppError("namespace-not-found", `the namespace "${visible(namespace)}" is gone: its id was ${was}`, {
    hint: `no file was deleted, and it is not made anew by itself: ${anew}name another one in the config, and kvsync reload`,
    cause: error,
  });
}
