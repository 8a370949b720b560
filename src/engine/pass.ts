// One pass of a round over its keys: what it shares with the other passes, and which keys it is about.

import type { DurationMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import type { RoundRequest, RoundResult } from "./round-request.ts";
import { LOOKED_UP_MAX, type Unsure, type UnsureKeys } from "./unsure.ts";

export type Tally = { -readonly [K in keyof Omit<RoundResult, "trip" | "held">]: RoundResult[K] };

/** What the passes of a round share. */
export interface Course {
  readonly tally: Tally;
  readonly onProblem: (problem: Problem) => void;
  /** What was not confirmed, and is to be looked at again. */
  readonly unsure: Map<Key, Unsure>;
}

export interface Pass extends Course {
  /** The pass is about these keys alone, each of which is looked at on both sides. */
  readonly again: UnsureKeys | undefined;
  /** How old a decision may be when it is carried out. */
  readonly withinMs: DurationMs;
}

/** The keys that a pass looks up by name; undefined: it lists both sides. */
export function onlyOf({ only }: RoundRequest, again: UnsureKeys | undefined): readonly Key[] | undefined {
  return again === undefined || again.size > LOOKED_UP_MAX ? only : [...again.keys()];
}
