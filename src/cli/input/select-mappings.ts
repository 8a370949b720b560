// Which mappings a command carries. A push of a mapping whose mode is pull would put an old file over a newer value, and
// exit with 0: so push and pull take the mappings of their own mode, and go against a mode only where they are told to.

import type { MappingConfig, Mode } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";

type Named = Pick<MappingConfig, "name" | "mode">;

export interface Selection<M> {
  readonly carried: readonly M[];
  /** Not carried, since none was named and their mode is another one. */
  readonly leftOut: readonly M[];
}

export interface SelectOptions {
  readonly command: "push" | "pull" | "sync" | "diff" | "plan" | "apply";
  /** `mappings` were named; unless they were, they are all that there are. */
  readonly isNamed: boolean;
  /** Carry what is named, whatever its mode. */
  readonly againstMode: boolean;
}

const AGAINST: Readonly<Record<"push" | "pull", Mode>> = { push: "pull", pull: "push" };

/** All but push and pull take all. push and pull take, unnamed, the mappings of their mode; by name two-way ones too, which then go
 * one way. Throws "usage" for a name of the opposite mode, unless `againstMode`, and where nothing is left to carry. */
export function selectMappings<M extends Named>(mappings: readonly M[], options: SelectOptions): Selection<M> {
  const { command, isNamed, againstMode } = options;
  if (command !== "push" && command !== "pull") return { carried: mappings, leftOut: [] };
  if (isNamed) {
    const against = againstMode ? undefined : mappings.find(({ mode }) => mode === AGAINST[command]);
    if (against !== undefined) throw isAgainst(against, command);
    return { carried: mappings, leftOut: [] };
  }
  if (againstMode) {
    throw new AppError("usage", "--against-mode needs the name of a mapping", {
      hint: `type: kvsync ${command} MAPPING --against-mode`,
    });
  }
  const carried = mappings.filter(({ mode }) => mode === command);
  if (carried.length > 0) return { carried, leftOut: mappings.filter(({ mode }) => mode !== command) };
  throw new AppError("usage", `there is no mapping of mode ${command}`, {
    hint: "carry each mapping as its mode says with: kvsync sync",
  });
}

function isAgainst({ name, mode }: Named, command: "push" | "pull"): AppError {
  const replaced = command === "push" ? "the namespace's values" : "the folder's files";
  const shown = visible(name);
  return new AppError("usage", `the mapping "${shown}" is of mode ${mode}: a ${command} would replace ${replaced}`, {
    hint: `to carry it as its mode says, type: kvsync ${mode} ${shown}; to go against it, type: kvsync ${command} ${shown} --against-mode`,
  });
}
