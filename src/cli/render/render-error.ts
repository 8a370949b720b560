// What went wrong, as people and programs read it.

import { AppError } from "../../core/errors.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { type Output, type Style, visibleLines } from "./output.ts";

/** Lines for people: what failed, then what to do. `verbose` adds the causes. A bug is shown with its trace. */
export function renderError(error: unknown, style: Style, verbose: boolean): string {
  const lines = [`${style.red("kvsync:")} ${visibleLines(messageOf(error))}`];
  if (!(error instanceof AppError)) {
    lines.push(
      error instanceof Error ? visibleLines(error.stack ?? "") : "",
      "this is a bug in kvsync: please report it, with the lines above",
    );
    return lines.join("\n");
  }
  if (error.hint !== undefined) lines.push(`  ${style.bold("hint:")} ${visibleLines(error.hint)}`);
  if (verbose) lines.push(...causesOf(error).map((cause) => `  ${style.dim(`cause: ${visibleLines(cause)}`)}`));
  return lines.join("\n");
}

function causesOf(error: Error): string[] {
  return error.cause instanceof Error ? [error.cause.message, ...causesOf(error.cause)] : [];
}

/** As a line on stderr for people, and as a record there for programs. */
export function tellError(
  error: unknown,
  output: Output,
  { exitCode, verbose = false }: { readonly exitCode?: ExitCode; readonly verbose?: boolean } = {},
): void {
  output.warn(renderError(error, output.stderr, verbose), errorRecord(error, exitCode));
}

/** The last line on stderr with --json. */
export function errorRecord(error: unknown, exitCode: ExitCode = exitCodeOf(error)): object {
  const known = error instanceof AppError ? error : undefined;
  return {
    type: "error",
    code: known?.code ?? "bug",
    exitCode,
    message: messageOf(error),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    ...(known === undefined && error instanceof Error ? { stack: error.stack } : {}),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
