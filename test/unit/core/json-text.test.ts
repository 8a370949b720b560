import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/core/json.ts";

/** Each name read as a value, which JSON.parse does right. */
function namesOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => JSON.parse(`"${name}"`) as string))];
}

const name = fc
  .array(fc.constantFrom("k", "a", "\\r", "\\n", "\\t", "\\\\", '\\"', "\\u000a", ":", " ", "é", "__proto__"), {
    maxLength: 4,
  })
  .map((parts) => parts.join(""));

describe("JSON with escaped names", () => {
  it("has the names that are written, whatever was parsed before", () => {
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 4 }),
        fc.string(),
        fc.constantFrom("", " ", "\n".repeat(100)),
        (names, value, gap) => {
          const text = `{${names.map((each) => `"${each}"${gap}:${JSON.stringify(value)}`).join(",")}}`;
          const parsed = parseJson(`[1,${text},{"in":${text}}]`) as readonly [1, object, { readonly in: object }];
          const expected = namesOf(names);
          expect(new Set(Object.keys(parsed[1]))).toEqual(new Set(expected));
          expect(new Set(Object.keys(parsed[2].in))).toEqual(new Set(expected));
          expect(Object.values(parsed[1]).every((each) => each === value)).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("keeps the last of the values of one name, and numbers that JavaScript would change", () => {
    expect(JSON.stringify(parseJson('{"\\t":1,"b":2,"\\u0009":9007199254740993}'))).toBe(
      '{"\\t":9007199254740993,"b":2}',
    );
  });

  it.each(['{"\\t":1', '{"\\x":1}', '{"\\t":1,}', '"\\t":1'])("that is none is refused: %s", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });
});
