// The validator itself: that it lets right exchanges pass and finds wrong ones.

import { describe, expect, it } from "vitest";
import type { AnsweredExchange } from "../../src/server/answered-exchange.ts";
import { checkExchange, createOpenApiRecorder } from "./validate.ts";

const NAMESPACE = "/client/v4/accounts/a/storage/kv/namespaces/0f2ac74b498b48028cb68387c421e279";

function exchange(
  method: string,
  path: string,
  result: unknown,
  more: Partial<AnsweredExchange> = {},
): AnsweredExchange {
  const { status = 200 } = more;
  const envelope = { result, success: true, errors: [], messages: [] };
  const failure = { result: null, success: false, errors: [{ code: 10013, message: "m" }], messages: [] };
  return {
    method,
    path: `${NAMESPACE}${path}`,
    query: "",
    requestHeaders: { "content-type": "application/json" },
    status,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(status < 400 ? envelope : failure)),
    ...more,
  };
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("an exchange that is right", () => {
  it.each([
    ["a namespace", exchange("GET", "", { id: "x", title: "t", supports_url_encoding: true })],
    ["no result, as null", exchange("DELETE", "", null)],
    ["no result, as an object", exchange("DELETE", "/values/k", {})],
    [
      "keys",
      exchange("GET", "/keys", [{ name: "k", expiration: 1, metadata: null }], { query: "limit=10&prefix=&cursor=" }),
    ],
    ["metadata that is null", exchange("GET", "/metadata/a%2Fb", null)],
    ["metadata that is an array", exchange("GET", "/metadata/k", [1, null, { a: [] }])],
    ["a failure", exchange("GET", "/keys", null, { status: 404 })],
    ["a failed bulk call", exchange("PUT", "/bulk", null, { status: 400 })],
    ["a key with slashes", exchange("DELETE", "/values/a/b", null)],
    [
      "a bulk get with null, text and an array",
      exchange("POST", "/bulk/get", { values: { a: null, b: "t", c: [1] } }, { requestBody: json({ keys: ["a"] }) }),
    ],
    [
      "a bulk get with metadata",
      exchange(
        "POST",
        "/bulk/get",
        { values: { a: null, b: { value: "t", metadata: null } } },
        { requestBody: json({ keys: ["a"] }) },
      ),
    ],
    [
      "a page of the gateway",
      exchange("PUT", "/bulk", null, { status: 413, headers: { "content-type": "text/html" } }),
    ],
    ["nothing of the document", exchange("GET", "/../../../../../user", { anything: 1 })],
  ])("passes: %s", (_, given) => {
    expect(checkExchange(given)).toEqual([]);
  });
});

describe("an exchange that is wrong", () => {
  it.each([
    ["a namespace without a title", exchange("GET", "", { id: "x" }), /title/],
    ["a null where none is allowed", exchange("GET", "", null), /must be object/],
    ["a key without a name", exchange("GET", "/keys", [{ expiration: 1 }]), /name/],
    [
      "an expiration that is null",
      exchange("GET", "/keys", [{ name: "k", expiration: null }]),
      /expiration must be number/,
    ],
    ["success that is not told", exchange("GET", "/keys", [], { body: json({ result: [] }) }), /success/],
    [
      "a failure with status 200",
      exchange("GET", "/keys", null, { body: json({ result: null, success: false, errors: [], messages: [] }) }),
      /success/,
    ],
    [
      "a failure without errors",
      exchange("GET", "/keys", null, {
        status: 404,
        body: json({ result: null, success: false, errors: [], messages: [] }),
      }),
      /errors/,
    ],
    [
      "an error code out of range",
      exchange("GET", "/keys", null, {
        status: 404,
        body: json({ result: null, success: false, errors: [{ code: 7, message: "" }], messages: [] }),
      }),
      /code/,
    ],
    ["another status", exchange("GET", "/keys", [], { status: 201 }), /status 201/],
    [
      "another content type",
      exchange("GET", "/keys", [], { headers: { "content-type": "text/plain" } }),
      /content type/,
    ],
    [
      "an HTML page of the API itself",
      exchange("GET", "/keys", [], { status: 404, headers: { "content-type": "text/html" } }),
      /HTML/,
    ],
    ["no JSON", exchange("GET", "/keys", [], { body: Buffer.from("<p>") }), /no JSON/],
    ["a limit over 1,000", exchange("GET", "/keys", [], { query: "limit=1001" }), /limit/],
    ["an unknown argument", exchange("GET", "/keys", [], { query: "page=2" }), /unknown query argument/],
    [
      "an account id that is too long",
      {
        ...exchange("GET", "", null),
        status: 200,
        path: `${NAMESPACE.replace("/a/", `/${"a".repeat(33)}/`)}/keys`,
        body: json({ result: [], success: true, errors: [], messages: [] }),
      },
      /account_id/,
    ],
    ["a bulk write of no array", exchange("PUT", "/bulk", {}, { requestBody: json({}) }), /must be array/],
    ["a pair without a value", exchange("PUT", "/bulk", {}, { requestBody: json([{ key: "k" }]) }), /value/],
    ["a bulk delete without a body", exchange("POST", "/bulk/delete", {}), /no request body/],
    [
      "a bulk delete sent as text",
      exchange("POST", "/bulk/delete", {}, { requestBody: json([]), requestHeaders: {} }),
      /content type/,
    ],
    [
      "more than 100 keys",
      exchange(
        "POST",
        "/bulk/get",
        { values: {} },
        { requestBody: json({ keys: Array.from({ length: 101 }, () => "k") }) },
      ),
      /100/,
    ],
    [
      "a bulk get entry without metadata, among entries",
      exchange("POST", "/bulk/get", { values: 5 }, { requestBody: json({ keys: [] }) }),
      /must be object/,
    ],
  ])("is found: %s", (_, given, expected) => {
    expect(checkExchange(given).join("\n")).toMatch(expected);
  });

  it("is told of with its request, all together, at the end", () => {
    const recorder = createOpenApiRecorder();
    recorder.onAnswer(exchange("GET", "/keys", []));
    recorder.expectNoViolations();
    recorder.onAnswer(exchange("GET", "/keys", [{}], { query: "limit=10" }));
    expect(recorder.violations()).toHaveLength(1);
    expect(() => recorder.expectNoViolations()).toThrow(`GET ${NAMESPACE}/keys?limit=10 -> 200: body/result/0`);
  });

  it("is let pass if it was a request that the server refused", () => {
    expect(checkExchange(exchange("GET", "/keys", null, { query: "limit=0", status: 400 }))).toEqual([]);
  });
});
