import { expect, test } from "vitest";
import {
  parseExpirationArgument,
  parseKeyArgument,
  parseMetadataArgument,
  parseTtlArgument,
} from "../../../../src/cli/input/key-argument.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const clock = new FakeClock({ now: Date.parse("2026-01-01T00:00:00Z") });

test.each([
  ["", /it is empty/],
  ["..", /the API cannot address keys named \. and \.\./],
  ["é".repeat(257), /it has more than 512 bytes/],
  ["\ud800", /it is not valid Unicode/],
])("%j is no key", (text, message) => expect(() => parseKeyArgument(text)).toThrow(message));

test.each([
  ["300", 300],
  ["60s", 60],
  ["1h", 3600],
])("--ttl %s is %d seconds", (text, seconds) => expect(parseTtlArgument(text)).toBe(seconds));

test.each([
  ["59", /59 s is too short/],
  ["1000ms", /1 s is too short/],
  ["1 hour", /is no duration/],
])("--ttl %s is refused", (text, message) => expect(() => parseTtlArgument(text)).toThrow(message));

test.each([
  ["1767225660", 1_767_225_660],
  ["2026-02-01", 1_769_904_000],
  ["2026-02-01T01:00:00+01:00", 1_769_904_000],
])("--expiration %s is %d", (text, seconds) => expect(parseExpirationArgument(text, clock)).toBe(seconds));

test.each([
  ["1767225659", /is not 60 s ahead/],
  ["0", /is no time/],
  ["2027-02-31", /is no time/],
  ["2027-02-31T12:00:00Z", /is no time/],
  ["1999999999000", /is in milliseconds; KV takes seconds/],
  ["tomorrow", /is no time/],
  ["2026-02-01T01:00:00", /is no time/],
])("--expiration %s is refused", (text, message) =>
  expect(() => parseExpirationArgument(text, clock)).toThrow(message),
);

test("metadata is any JSON, and null is none", () => {
  expect(parseMetadataArgument('{"b": 1, "a": [2]}')).toBe('{"a":[2],"b":1}');
  expect(parseMetadataArgument("null")).toBeUndefined();
  expect(() => parseMetadataArgument("{a:1}")).toThrow(/--metadata is not JSON/);
  expect(() => parseMetadataArgument(JSON.stringify("x".repeat(1023)))).toThrow(/--metadata is 1025 bytes of JSON/);
});
