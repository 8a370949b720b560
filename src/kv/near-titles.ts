// Titles that someone may have meant.

const NEAR_MAX = 3;

/** Up to three of `titles` that differ from `wanted` in case, in a few letters, or contain it; closest first. */
export function nearTitles(wanted: string, titles: readonly string[]): readonly string[] {
  const low = wanted.toLowerCase();
  const tolerance = Math.max(1, Math.floor(low.length / 4));
  return titles
    .map((title) => ({ title, distance: distance(low, title.toLowerCase(), tolerance) }))
    .filter((near) => near.distance <= tolerance)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAR_MAX)
    .map((near) => near.title);
}

function distance(a: string, b: string, most: number): number {
  if (a === b) return 0;
  if (a !== "" && (b.startsWith(a) || b.endsWith(a))) return 1;
  if (Math.abs(a.length - b.length) > most) return Number.POSITIVE_INFINITY;
  return editDistance(a, b);
}

/** Insertions, deletions and replacements from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
