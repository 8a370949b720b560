// Commands as they are suggested: to be typed, or copied, as they are. A POSIX shell reads them back as what was meant, and what stands on
// the terminal is harmless, whatever is in a key.

/** Those that `visible` (errors.ts) shows as escapes, too. */
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** `word` as a POSIX shell reads it back. What is not to be seen as it is, is written in octal: `$'a\012b'`. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (!INVISIBLE.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${Array.from(word, escaped).join("")}'`;
}

function escaped(char: string): string {
  if (char === "'" || char === "\\") return `\\${char}`;
  if (!INVISIBLE.test(char)) return char;
  return Array.from(Buffer.from(char), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** `kvsync VERB OPERANDS OPTIONS`. An operand that begins like an option has a `--` before it, and the options before that. */
export function kvsyncCommand(verb: string, operands: readonly string[], options: readonly string[] = []): string {
  const likeOptions = operands.some((word) => word.startsWith("-") && word !== "-");
  const words = likeOptions ? [...options, "--", ...operands] : [...operands, ...options];
  return ["kvsync", verb, ...words.map(shellWord)].join(" ");
}
