// Dates of what happened one after the other, where the clock may have been wrong for a while: the order is certain, and a date that does
// not fit into it is not. The longest run of dates that does not go back is believed; any other happened between its neighbours in that
// run, whatever its date says.

import type { EpochMs } from "./clock.ts";

/** How many of `dates`, which are in the order in which they came about, are of `at` or before. The clock is right `now`. */
export function countUntil(dates: readonly number[], at: EpochMs, now: EpochMs): number {
  const believed = longestRun([...dates, now]);
  let earliest = -Infinity;
  let place = 0;
  for (const [index, date] of dates.entries()) {
    const isBelieved = believed[place] === index;
    const latest = dates[believed[place]!] ?? now;
    const happened = isBelieved ? date : Math.min(Math.max(date, earliest), latest);
    if (happened > at) return index;
    if (!isBelieved) continue;
    earliest = date;
    place++;
  }
  return dates.length;
}

/** Indexes of the longest run of `dates` that does not go back, the latest such run where there are several. */
function longestRun(dates: readonly number[]): readonly number[] {
  // Of the runs of each length the indexes of those that end it, in their order: later ones end with lower dates.
  const ends: number[][] = [];
  const before: (number | undefined)[] = [];
  for (const [index, date] of dates.entries()) {
    const length = firstWhere(ends.length, (place) => dates[ends[place]!.at(-1)!]! > date);
    const shorter = ends[length - 1];
    // Of those that it may follow the one with the highest date, which is the first.
    before.push(shorter?.[firstWhere(shorter.length, (place) => dates[shorter[place]!]! <= date)]);
    (ends[length] ??= []).push(index);
  }
  const run: number[] = [];
  for (let index = ends.at(-1)?.at(-1); index !== undefined; index = before[index]) run.push(index);
  return run.toReversed();
}

/** The first of the places below `count` at which `isTrue`, which stays true from there on; `count` if there is none. */
function firstWhere(count: number, isTrue: (place: number) => boolean): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isTrue(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
