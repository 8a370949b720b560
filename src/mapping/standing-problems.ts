// The problems of a mapping that stand: each from the round that first met it until a round sees its key right (written,
// equal, gone, or excluded). A round over a few keys says nothing of the others, so their problems stay. Pure.

import type { EpochMs } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";

interface StandingProblem extends Problem {
  /** When a round first met it. */
  readonly since: EpochMs;
}

export interface StandingProblems {
  /** Oldest first. */
  readonly known: readonly StandingProblem[];
  /** How many there are besides, of which only the number is kept. The next look at everything counts them anew. */
  readonly more: number;
}

/** The failures of one round. */
export interface RoundProblems {
  readonly kept: readonly Problem[];
  /** How many there were besides. */
  readonly more: number;
  /** Whether the round looked at what a problem is about: a key, or a path. */
  readonly covers: (subject: string) => boolean;
}

export const NO_PROBLEMS: StandingProblems = { known: [], more: 0 };
/** More than a person reads, and few enough to be written down after each round. */
export const STANDING_MAX = 200;

/** What stands after a round: what it met, and of what stood before that which it did not look at. */
export function standingAfter(before: StandingProblems, round: RoundProblems, now: EpochMs): StandingProblems {
  const standing = new Map<string, StandingProblem>();
  const metNow = new Set(round.kept.map(nameOf));
  for (const problem of before.known) {
    if (!round.covers(problem.subject) || metNow.has(nameOf(problem))) standing.set(nameOf(problem), problem);
  }
  for (const problem of round.kept) {
    const name = nameOf(problem);
    standing.set(name, { ...problem, since: standing.get(name)?.since ?? now });
  }
  const known = [...standing.values()];
  const isAll = round.covers === everything;
  const more = (isAll ? 0 : before.more) + round.more + Math.max(0, known.length - STANDING_MAX);
  return { known: known.slice(0, STANDING_MAX), more };
}

/** What a look at all keys and files looks at. */
export const everything = (): boolean => true;

/** What a round looks at that finds out nothing of the problems that stand. */
export const nothing = (): boolean => false;

/** What a round over `keys` looks at, which a watcher reported as `paths`: those that end in "/" are whole folders. */
export function lookedAt(keys: readonly string[], paths: readonly string[]): (subject: string) => boolean {
  const exact = new Set([...keys, ...paths]);
  const folders = paths.filter((path) => path.endsWith("/"));
  return (subject) =>
    exact.has(subject) || folders.some((folder) => subject.startsWith(folder) || `${subject}/` === folder);
}

/** Tells problems apart. Their text may hold numbers that change, so it is no part of the name. */
export function nameOf({ code, subject }: Problem): string {
  return JSON.stringify([code, subject]);
}
