// `kvsync serve --tokens FILE`: the table of tokens, read at the start, and anew whenever the file changes.

import { resolve } from "node:path";
import process from "node:process";
import { ioError } from "../../config/read-file.ts";
import { type FileToken, parseTokensFile } from "../../config/tokens-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { visibleLines } from "../render/output.ts";
import { fileOnDisk, type LookedAtFile, watchFile } from "./watch-file.ts";

export interface TokensOption {
  readonly tokens: readonly FileToken[];
  /** Hands on what the file says from now on, until the signal is aborted. */
  follow(signal: AbortSignal, onTokens: (tokens: readonly FileToken[]) => void): void;
}

type Deps = Pick<Context, "clock" | "cwd" | "env" | "output">;

/** Throws AppError "io" and "config-invalid". */
export function openTokensOption({ clock, cwd, env, output }: Deps, path: string): TokensOption {
  const file = fileOnDisk(resolve(cwd, path));
  const read = (): readonly FileToken[] => parseTokensFile(readFile(file, path), path, env);
  const seen = file.look();
  const tokens = read();
  const tellExpired = (found: readonly FileToken[]): void => {
    const now = clock.now();
    for (const { name, expires } of found)
      if (expires !== undefined && expires <= now)
        output.note(`the token "${name}" has expired, ${renderDuration(now - expires)} ago`);
  };
  if (tokens.length === 0) output.warn(`${visible(path)} names no token: nobody can ask`);
  tellExpired(tokens);

  return {
    tokens,
    follow(signal, onTokens) {
      let current = tokens;
      const readAnew = (): void => {
        let next: readonly FileToken[];
        try {
          next = read();
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          output.warn(
            `${visibleLines(error.message)}\nthe tokens of before go on, also one that was to be taken out: mend ${visible(path)}, and it is read at once`,
          );
          return;
        }
        onTokens(next);
        output.note(`the tokens were read anew: ${describeChanges(current, next)}`);
        current = next;
        tellExpired(next);
      };
      const watch = watchFile({ clock, signal }, file, seen, readAnew);
      const onHangup = (): void => watch.readSoon();
      process.on("SIGHUP", onHangup);
      signal.addEventListener("abort", () => process.off("SIGHUP", onHangup), { once: true });
    },
  };
}

function readFile(file: LookedAtFile, path: string): string {
  try {
    return file.read();
  } catch (error) {
    throw ioError(error, `could not read the tokens in ${visible(path)}`);
  }
}

/** `3, a is new, b and c are gone, d has changed`. */
function describeChanges(before: readonly FileToken[], after: readonly FileToken[]): string {
  const old = new Map(before.map((token) => [token.name, token]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const token of after) {
    const known = old.get(token.name);
    old.delete(token.name);
    if (known === undefined) added.push(token.name);
    else if (JSON.stringify(known) !== JSON.stringify(token)) changed.push(token.name);
  }
  const parts = [...list(added, "new"), ...list([...old.keys()], "gone"), ...list(changed, "changed")];
  return `${after.length}${parts.length === 0 ? ", as before" : parts.map((part) => `, ${part}`).join("")}`;
}

function list(names: readonly string[], what: string): readonly string[] {
  return names.length === 0 ? [] : [`${what}: ${names.join(" ")}`];
}
