// "did you mean": the known name that a mistyped one was most likely meant to be.

/** The one of `names` that differs from `text` least, if that is by no more than a third of its letters. */
export function closestName(text: string, names: Iterable<string>): string | undefined {
  let closest: string | undefined;
  let least = Math.max(2, Math.ceil(text.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - text.length) >= least) continue;
    const distance = editDistance(text.toLowerCase(), name.toLowerCase());
    if (distance < least && distance < name.length) [closest, least] = [name, distance];
  }
  return closest;
}

/** Insertions, deletions and replacements of one character that turn `a` into `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
