// `--limit` and `--sample`: a part of the keys, to try something with. Which part, is the same each time.

import { type Command } from "commander";
import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { isInSample } from "../../core/sample.ts";
import { parseRatio } from "../../core/units.ts";
import type { IsManaged } from "../../replica/with-filter.ts";
import { shellWord } from "../../core/shell-word.ts";

export interface PartOptions {
  readonly limit?: string;
  readonly sample?: string;
  readonly seed?: string;
}

export interface PartOfKeys {
  readonly keysMax: number | undefined;
  /** Undefined: no sample. */
  readonly isManaged: IsManaged | undefined;
  /** The options, to be typed again. */
  readonly words: readonly string[];
  /** For people. */
  readonly said: string;
}

const SEED_DEFAULT = "1";

export function addPartOptions(command: Command): Command {
  return command
    .option("--limit <count>", "Only so many keys, the first in key order")
    .option("--sample <percent>", "Only about so many of 100 keys, as in 5%: the same ones each time")
    .option("--seed <text>", `Of the sample: another text, other keys (default: ${SEED_DEFAULT})`);
}

/** Undefined: all keys. Throws AppError "usage". */
export function parsePart({ limit, sample, seed }: PartOptions): PartOfKeys | undefined {
  if (seed !== undefined && sample === undefined) {
    throw new AppError("usage", "--seed is of a sample, and there is none", { hint: "add --sample 5%" });
  }
  if (limit === undefined && sample === undefined) return undefined;
  const keysMax = limit === undefined ? undefined : parseLimit(limit);
  if (sample === undefined) {
    return { keysMax, isManaged: undefined, words: ["--limit", `${keysMax}`], said: `only ${firstKeys(keysMax!)}` };
  }
  const drawn = { share: parseShare(sample), seed: seed ?? SEED_DEFAULT };
  const words = [...(keysMax === undefined ? [] : ["--limit", `${keysMax}`]), "--sample", sample];
  if (seed !== undefined) words.push("--seed", shellWord(seed));
  const sampled = `a sample of ${sample} of the keys, with the seed ${visible(drawn.seed)}`;
  return {
    keysMax,
    isManaged: (key) => isInSample(drawn, key),
    words,
    said: keysMax === undefined ? `only ${sampled}` : `only ${firstKeys(keysMax)} of ${sampled}`,
  };
}

function firstKeys(keysMax: number): string {
  return keysMax === 1 ? "the first key" : `the first ${counted(keysMax, "key")}`;
}

function parseLimit(text: string): number {
  const number = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new AppError("usage", `--limit: "${visible(text)}" is no number of keys`, {
    hint: `write a number from 1 on, as in --limit ${count(100)}`,
  });
}

function parseShare(text: string): number {
  const parsed = parseRatio(text);
  if (parsed.kind === "fault") throw new AppError("usage", `--sample: ${parsed.message}`);
  if (parsed.value > 0) return parsed.value;
  throw new AppError("usage", "--sample: 0% of the keys are none", {
    hint: "write a share above 0%, as in --sample 5%",
  });
}
