import { describe, expect, test } from "vitest";
import {
  canonicalJson,
  compactJson,
  findJsonFault,
  findUnsafeNumber,
  JSON_DEPTH_MAX,
  parseJson,
} from "../../../src/core/json.ts";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("a number that JavaScript would change", () => {
  test.each([
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890",
    "1e400",
    "-1E+400",
    "1e-400",
    "0.1234567890123456789",
    "1e99999999999999999999",
    "100000000000000000000001",
  ])("%s is found wherever it stands", (number) => {
    for (const text of [
      number,
      `[${number}]`,
      `{"a":${number}}`,
      `{"a": [1,\n${number} ]}`,
      `{"1e400":"\\"", "b":${number}}`,
    ])
      expect(`${text}: ${findUnsafeNumber(text)}`).toBe(`${text}: ${number}`);
  });

  test.each([
    "0",
    "-0",
    "1.0",
    "1.50",
    "9007199254740992",
    "9007199254740991",
    "1e21",
    "1E5",
    "0e999",
    "0.1",
    "0.30000000000000004",
    "1.7976931348623157e308",
    "5e-324",
    "100000000000000000000",
    "1.0000000000000000000",
    "0.000000000000000000",
  ])("%s keeps its value", (number) => {
    expect(findUnsafeNumber(`{"a":${number}}`)).toBeUndefined();
    expect(Number(canonicalJson(parseJson(number)))).toBe(Number(number) + 0);
  });

  test("in a string it is no number", () => {
    for (const text of ['"1e400"', '{"a":"x, 9007199254740993"}', '{"9007199254740993":1}', '["\\\\", "\\": 1e400"]'])
      expect(`${text}: ${findUnsafeNumber(text)}`).toBe(`${text}: undefined`);
  });

  test("stays as it is through reading and rendering, and is told as a fault", () => {
    const text = '{"a":[{"b":9007199254740993}],"c":1e400,"d":2}';
    const value = parseJson(text);
    expect(JSON.stringify(value)).toBe(text);
    expect(findJsonFault(value)).toContain("1e400");
    expect(findJsonFault(parseJson("9007199254740993"))).toContain("9007199254740993");
  });
});

describe("depth", () => {
  test("what is legal as metadata is no fault, and has a canonical text", () => {
    const value = parseJson(nested(JSON_DEPTH_MAX));
    expect(findJsonFault(value)).toBeUndefined();
    expect(canonicalJson(value)).toBe(nested(JSON_DEPTH_MAX));
  });

  test.each([JSON_DEPTH_MAX + 1, 8000, 100_000])("%i levels are a fault, and no overflow", (depth) => {
    expect(findJsonFault(parseJson(nested(depth)))).toMatch(/levels deep/);
    expect(findJsonFault({ a: [parseJson(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`)] })).toMatch(/levels deep/);
  });

  test("is rendered, whatever it is", () => {
    const text = `${'{"b":[],"a":{"z":['.repeat(100_000)}1${"]}}".repeat(100_000)}`;
    expect(compactJson(parseJson(text))).toBe(text);
    expect(canonicalJson(parseJson(text)).startsWith('{"a":{"z":[{"a":')).toBe(true);
  });

  test("with a number that would change among them", () => {
    expect(findJsonFault(parseJson(`${"[".repeat(100_000)}1e400${"]".repeat(100_000)}`))).toMatch(/levels deep/);
  });
});

test("numbers beside long strings, and strings with quotes, are told apart", () => {
  const long = "x".repeat(20_000_000);
  expect(findUnsafeNumber(JSON.stringify([`${long}\\"`, ":1234567890123456789", '"\\']))).toBeUndefined();
  expect(findUnsafeNumber(`[${JSON.stringify(`${long}\\"`)},1e400]`)).toBe("1e400");
  const text = `{"a\\\\":1e400,"b\\"":["${MARKED}",-9007199254740993]}`;
  expect(compactJson(parseJson(text))).toBe(text);
});

const MARKED = "12345678901234567890";
