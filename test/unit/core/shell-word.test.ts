import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visible } from "../../../src/core/errors.ts";
import { kvsyncCommand, shellWord } from "../../../src/core/shell-word.ts";

describe("a word of a command", () => {
  it.each([
    ["app/config.json", "app/config.json"],
    ["", "''"],
    ["it's", "'it'\\''s'"],
    ["a\nb", "$'a\\012b'"],
    ["\u001b[31m'\\", "$'\\033[31m\\'\\\\'"],
    ["\u202e3", "$'\\342\\200\\2563'"],
  ])("%j is written so that it can be seen", (word, written) => {
    expect(shellWord(word)).toBe(written);
  });

  it("is read back by a shell as what it was, and hides nothing on a terminal", () => {
    const texts = fc.array(
      fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
      { maxLength: 30 },
    );
    const hostile = fc.string({ unit: fc.constantFrom("'", "\\", "\n", "\u001b", "-", "7", "\u202e", "$", "é", " ") });
    fc.assert(
      fc.property(texts, fc.array(hostile, { minLength: 5 }), (some, others) => {
        const words = [...some, ...others];
        const typed = words.map(shellWord).join(" ");
        expect(visible(typed)).toBe(typed);
        const read = execFileSync("bash", ["-c", `printf '%s\\0' ${typed}`], { encoding: "utf8" });
        expect(read.split("\0").slice(0, -1)).toEqual(words);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a command", () => {
  it("has its options behind what it is about, unless that begins like one", () => {
    expect(kvsyncCommand("conflicts show", ["app", "k"], ["--copy", "k 1"])).toBe(
      "kvsync conflicts show app k --copy 'k 1'",
    );
    expect(kvsyncCommand("conflicts show", ["app", "-k"], ["--copy", "-k"])).toBe(
      "kvsync conflicts show --copy -k -- app -k",
    );
    expect(kvsyncCommand("apply", ["-"])).toBe("kvsync apply -");
  });
});
