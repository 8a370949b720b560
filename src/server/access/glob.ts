// Globs over account ids and namespace titles: `*` stands for any characters, also none and also a slash, `?` for one; all else stands for
// itself. Not the patterns of `include` (core/filter.ts): of those `staging` would match the title `prod/staging`, too, and who writes down
// what a token may do means the whole title.

export type Matcher = (text: string) => boolean;

/** Takes at most text x pattern steps, whatever both are. */
export function compileGlob(glob: string): Matcher {
  const pattern = Array.from(glob);
  if (pattern.every((char) => char === "*") && pattern.length > 0) return () => true;
  if (!isGlob(glob)) return (text) => text === glob;
  return (text) => matches(pattern, Array.from(text));
}

/** Whether it may match more than one text. */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}

/** Goes back to the last star only. */
function matches(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  for (let i = 0; i < text.length;) {
    if (pattern[at] === "*") {
      star = at++;
      starAt = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++starAt;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
