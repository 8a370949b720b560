import { expect, test } from "vitest";
import { parseListedKey, parsePair } from "../../../../src/cli/input/bulk-input.ts";

const item = (text: string, unit: "item" | "line" = "item") => ({
  bytes: Buffer.from(text),
  at: 0,
  number: 3,
  unit,
});

test("a pair in wrangler's form has all that belongs to it", () => {
  const ignored = new Map<string, number>();
  const pair = parsePair(
    item(
      '{"key":"a/b","value":"AAEC/w==","base64":true,"expiration":1999999999,"expiration_ttl":300,"metadata":{"b":1,"a":2},"x":1}',
    ),
    "p.json",
    ignored,
  );
  expect([...ignored]).toEqual([["x", 1]]);
  expect({ ...pair, bytes: [...pair.bytes] }).toEqual({
    key: "a/b",
    bytes: [0, 1, 2, 255],
    metadata: '{"a":2,"b":1}',
    expiration: 1_999_999_999,
    ttlSeconds: 300,
  });
  expect(parsePair(item('{"key":"k","value":"ü"}'), "p.json", new Map())).toEqual({
    key: "k",
    bytes: Buffer.from("ü"),
    metadata: undefined,
    expiration: undefined,
    ttlSeconds: undefined,
  });
});

test.each([
  ["[]", /item 3 of p\.json is no JSON object/],
  ["{", /item 3 of p\.json is not JSON/],
  ['{"value":"v"}', /has no key/],
  [
    '{"key":"k","value":"v","expirationTtl":300}',
    /item 3 \("k"\) of p\.json has "expirationTtl"; its name is "expiration_ttl"/,
  ],
  ['{"key":"k","value":"v","expiration_TTL":300}', /its name is "expiration_ttl"/],
  ['{"key":"k","value":"v","ttl":300}', /its name is "expiration_ttl"/],
  ['{"key":"k","value":"v","meta":{}}', /its name is "metadata"/],
  ['{"key":"k","value":"v","isBase64":true}', /its name is "base64"/],
  ['{"key":"k","value":"v","expiration":1999999999000}', /is in milliseconds; KV takes seconds/],
  ['{"key":"k"}', /has no value/],
  ['{"key":"k","value":{"a":1}}', /item 3 \("k"\) of p\.json has a value that is no string but an object/],
  ['{"key":"k","value":42}', /no string but the number 42/],
  ['{"key":"k","value":12345678901234567890}', /no string but the number 12345678901234567890/],
  ['{"key":"k","value":[1]}', /no string but a list/],
  ['{"key":"k","value":false}', /no string but the word false/],
  ['{"key":"k","value":null}', /no string but null/],
  ['{"kvsync":"end","entries":1}', /item 3 of p\.json is the first or the last line of an archive/],
  [`{"key":"k","value":"v","sha256":"${"0".repeat(64)}"}`, /not the one that its sha256 is of/],
  ['{"key":"k","value":"a*b=","base64":true}', /has a value that is not base64/],
  ['{"key":"k","value":"abcde","base64":true}', /is not base64/],
  ['{"key":"k","value":"v","base64":"yes"}', /neither true nor false/],
  ['{"key":"k","value":"\\ud800"}', /not valid Unicode/],
  ['{"key":"..","value":"v"}', /item 3 \("\.\."\) of p\.json has "\.\.", which is no key: the API/],
  ['{"key":"k","value":"v","expiration":"soon"}', /has an expiration that is no whole number/],
  ['{"key":"k","value":"v","expiration_ttl":59}', /at least 60 seconds/],
  [`{"key":"k","value":"v","metadata":"${"x".repeat(1023)}"}`, /over 1024 bytes of metadata/],
  [
    '{"key":"k","value":"v","metadata":{"n":9007199254740993}}',
    /item 3 \("k"\) of p\.json has metadata that has the number 9007199254740993/,
  ],
  ['{"key":"k","value":"v","metadata":1e400}', /has the number 1e400/],
  [`{"key":"k","value":"${"x".repeat(20_000_000)}:12345678901234567","metadata":[1e400]}`, /has the number 1e400/],
])("%.200s is refused", (text, message) => expect(() => parsePair(item(text), "p.json", new Map())).toThrow(message));

test.each([
  ['"a"', "item", "a"],
  ['{"name":"a","metadata":{}}', "line", "a"],
  ['{"key":"a"}', "item", "a"],
] as const)("%s lists the key %s", (text, unit, key) => expect(parseListedKey(item(text, unit), "k")).toBe(key));

test.each([
  ["1", "item", /is no key/],
  ["{}", "line", /line 3 of k is no key/],
  ['"unfinished', "line", /is not JSON/],
  ['""', "item", /no key: it is empty/],
] as const)("%s is no key of a list", (text, unit, message) =>
  expect(() => parseListedKey(item(text, unit), "k")).toThrow(message),
);
