// Keys that have other names at the destination: `old/=new/` gives every key that begins with `old/` a name that begins with
// `new/`. The first rule that fits a key counts; a key that none fits keeps its name.

import { AppError, visible } from "../core/errors.ts";

export interface RenameRule {
  readonly from: string;
  readonly to: string;
}

/** Throws AppError "usage". */
export function parseRename(text: string): RenameRule {
  const [from = "", to, ...others] = text.split("=");
  if (to === undefined || others.length > 0) {
    throw new AppError("usage", `--rename: "${visible(text)}" is not OLD=NEW, with one =`, {
      hint: "write what keys begin with, and what they are to begin with instead: --rename 'old/=new/'",
    });
  }
  return { from, to };
}

export function renameKey(key: string, rules: readonly RenameRule[]): string {
  const rule = rules.find(({ from }) => key.startsWith(from));
  return rule === undefined ? key : rule.to + key.slice(rule.from.length);
}

/** The names that a key of the destination may have at the source: mostly one; of several, only one can be there. */
export function formerNames(key: string, rules: readonly RenameRule[]): readonly string[] {
  const names = rules.filter(({ to }) => key.startsWith(to)).map(({ from, to }) => from + key.slice(to.length));
  return [...new Set([...names, key])].filter((name) => renameKey(name, rules) === key);
}
