import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseByteCount,
  parseDuration,
  parseRate,
  parseRatio,
  renderByteCount,
  renderDuration,
} from "../../../src/core/units.ts";

const value = <T>(value: T) => ({ kind: "value", value });
const fault = (message: RegExp) => ({ kind: "fault", message: expect.stringMatching(message) as string });

describe("a duration", () => {
  test.each([
    ["0s", 0],
    ["500ms", 500],
    ["60s", 60_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["30d", 2_592_000_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toEqual(value(ms)));

  test("without a unit is refused, with what was meant", () => {
    expect(parseDuration("60")).toEqual(fault(/^"60" needs a unit: write 60s, 60m, 60h or 60d$/));
  });

  test.each(["", " 5m", "5 m", "5M", "1.5h", "-5s", "5min", "1h30m", "٥s", "5m\n", "constructor"])(
    "%j is refused",
    (text) => expect(parseDuration(text).kind).toBe("fault"),
  );

  test("too long to count in milliseconds is refused", () => {
    expect(parseDuration("99999999999999999d")).toEqual(fault(/too large/));
  });
});

describe("a size", () => {
  test.each([
    ["0B", 0],
    ["100MB", 100_000_000],
    ["1KiB", 1024],
    ["25MiB", 26_214_400],
    ["1GiB", 1_073_741_824],
    ["2TB", 2_000_000_000_000],
  ])("%s is %d bytes", (text, bytes) => expect(parseByteCount(text)).toEqual(value(bytes)));

  test.each(["1024", "1gib", "1G", "1.5MB", "MB", "1 MB"])("%j is refused", (text) =>
    expect(parseByteCount(text).kind).toBe("fault"),
  );
});

describe("a percentage", () => {
  test.each([
    ["0%", 0],
    ["25%", 0.25],
    ["12.5%", 0.125],
    ["100%", 1],
  ])("%s is %d", (text, ratio) => expect(parseRatio(text)).toEqual(value(ratio)));

  test("without a sign is refused, with what was meant", () => {
    expect(parseRatio("25")).toEqual(fault(/^"25" needs a percent sign: write 25%$/));
  });

  test.each(["101%", "-1%", "0.25%%", "a%", "25 %", ".5%"])("%j is refused", (text) =>
    expect(parseRatio(text).kind).toBe("fault"),
  );
});

describe("a rate", () => {
  test("is requests in a window", () =>
    expect(parseRate("1200/5m")).toEqual(value({ requests: 1200, windowMs: 300_000 })));

  test.each(["1200", "0/5m", "1200/0s", "1200/5", "/5m", "1200/", "-1/5m"])("%j is refused", (text) =>
    expect(parseRate(text).kind).toBe("fault"),
  );
});

test.each([
  [0, "0s"],
  [0.4, "0s"],
  [350, "350ms"],
  [1000, "1s"],
  [2480, "2.4s"],
  [65_000, "1m 5s"],
  [3_600_000, "1h"],
  [3_605_000, "1h"],
  [12_000_000, "3h 20m"],
  [2_592_000_000, "30d"],
])("a duration of %d ms is shown as %s", (ms, text) => expect(renderDuration(ms)).toBe(text));

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [26_214_400, "25 MiB"],
  [1_048_575, "1 MiB"],
])("%d bytes are shown as %s", (bytes, text) => expect(renderByteCount(bytes)).toBe(text));

test("no text makes a parser throw or return what is no safe whole number", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseDuration, parseByteCount]) {
        const parsed = parse(text);
        if (parsed.kind === "value") expect(Number.isSafeInteger(parsed.value)).toBe(true);
      }
    }),
  );
});
