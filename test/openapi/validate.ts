// Holds exchanges with the embedded server against Cloudflare's OpenAPI for Workers KV (kv-openapi.yml, BSD-3-Clause),
// as amended in amendments.ts. Every answer is checked; a request is checked when the server accepted it, since tests
// send wrong ones on purpose to see them refused.

import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parse } from "yaml";
import type { AnsweredExchange } from "../../src/server/answered-exchange.ts";
import { amend, isAbsentArgument, type OpenApiDocument, type OpenApiOperation } from "./amendments.ts";

export interface OpenApiRecorder {
  /** To be given to `openServer`. */
  readonly onAnswer: (exchange: AnsweredExchange) => void;
  /** One line each: what was wrong with which exchange. */
  violations(): readonly string[];
  /** Throws an error that lists the violations, if there are any. */
  expectNoViolations(): void;
}

export function createOpenApiRecorder(): OpenApiRecorder {
  const found: string[] = [];
  return {
    onAnswer: (exchange) => {
      const { method, path, query, status } = exchange;
      for (const violation of checkExchange(exchange)) {
        found.push(`${method} ${path}${query === "" ? "" : `?${query}`} -> ${status}: ${violation}`);
      }
    },
    violations: () => found,
    expectNoViolations: () => {
      if (found.length === 0) return;
      throw new Error(`${found.length} violations of the OpenAPI document:\n${found.slice(0, 20).join("\n")}`);
    },
  };
}

/** What is wrong with `exchange`, in words; nothing, mostly. */
export function checkExchange(exchange: AnsweredExchange): string[] {
  const target = match(exchange);
  const answer = checkAnswer(exchange, target?.operation);
  if (target === undefined || exchange.status >= 400) return answer;
  return [...answer, ...checkRequest(exchange, target)];
}

function checkAnswer({ status, headers, body }: AnsweredExchange, operation: OpenApiOperation | undefined): string[] {
  if (body === undefined) return [];
  const type = headers["content-type"] ?? "";
  if (status >= 400) {
    // Pages of the gateway in front of the API are no part of its document.
    if (type === "text/html") return [413, 502, 524].includes(status) ? [] : [`an HTML page with status ${status}`];
    return checkJson(body, { $ref: `${DOCUMENT}#/components/schemas/workers-kv_api-response-common-failure` });
  }
  if (operation === undefined) return [];
  const content = operation.responses[String(status)]?.content;
  if (content === undefined) return [`status ${status} is not in the document`];
  if (content[type] === undefined) return [`content type "${type}" is not in the document`];
  if (type !== "application/json") return [];
  return checkJson(body, { $ref: `${pointerTo(operation)}/responses/${status}/content/application~1json/schema` });
}

function checkRequest(exchange: AnsweredExchange, { operation, pathArguments }: Target): string[] {
  const found: string[] = [];
  const query = new URLSearchParams(exchange.query);
  const known = new Set<string>();
  for (const [index, parameter] of operation.parameters.entries()) {
    if (parameter.in === "query") known.add(parameter.name);
    const given = parameter.in === "path" ? pathArguments[parameter.name] : query.get(parameter.name);
    if (given === undefined || given === null || isAbsentArgument(given)) continue;
    const schema = { $ref: `${pointerTo(operation)}/parameters/${index}/schema` };
    found.push(...checkValue(argumentValue(parameter, given), schema, parameter.name));
  }
  for (const name of query.keys()) if (!known.has(name)) found.push(`unknown query argument "${name}"`);
  return [...found, ...checkRequestBody(exchange, operation)];
}

/** An argument as its schema takes it: a query is text, whatever it means. */
function argumentValue(parameter: { readonly in: string; readonly name: string }, given: string): string | number {
  if (parameter.in === "path") return decodeURIComponent(given);
  return NUMBERS.has(parameter.name) ? Number(given) : given;
}

const NUMBERS = new Set(["page", "per_page", "limit", "expiration", "expiration_ttl"]);

function checkRequestBody({ requestBody, requestHeaders }: AnsweredExchange, operation: OpenApiOperation): string[] {
  const expected = operation.requestBody;
  if (expected === undefined) return [];
  if (expected.content["application/octet-stream"] !== undefined) return []; // a value: any bytes of any type
  if (requestBody === undefined || requestBody.length === 0)
    return expected.required === true ? ["no request body"] : [];
  const type = (requestHeaders["content-type"] ?? "none").split(";")[0] ?? "";
  if (expected.content["application/json"]?.schema === undefined) return [];
  const wrongType = type === "application/json" ? [] : [`the request's content type is "${type}"`];
  const schema = { $ref: `${pointerTo(operation)}/requestBody/content/application~1json/schema` };
  return [...wrongType, ...checkJson(requestBody, schema)];
}

const DOCUMENT = "kv";

interface Loaded {
  readonly ajv: Ajv;
  readonly operations: readonly MatchableOperation[];
  readonly pointers: ReadonlyMap<OpenApiOperation, string>;
}

interface MatchableOperation {
  readonly method: string;
  readonly pattern: RegExp;
  readonly operation: OpenApiOperation;
}

let loaded: Loaded | undefined;
const validators = new Map<string, ValidateFunction>();

/** The document, read when the first exchange is checked. */
function load(): Loaded {
  if (loaded !== undefined) return loaded;
  const document = amend(parse(readFileSync(new URL("kv-openapi.yml", import.meta.url), "utf8")) as OpenApiDocument);
  // Not strict: an OpenAPI schema has words that JSON Schema has not (example, x-...). `nullable` Ajv knows.
  const ajv = new Ajv({ strict: false, validateFormats: false, validateSchema: false });
  ajv.addSchema(document, DOCUMENT);
  const operations: MatchableOperation[] = [];
  const pointers = new Map<OpenApiOperation, string>();
  for (const [template, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      operations.push({ method: method.toUpperCase(), pattern: patternOf(template), operation });
      const path = encodeURIComponent(template.replaceAll("~", "~0").replaceAll("/", "~1"));
      pointers.set(operation, `${DOCUMENT}#/paths/${path}/${method}`);
    }
  }
  loaded = { ajv, operations, pointers };
  return loaded;
}

/** A path template as a pattern with named groups; a key may contain slashes that a client did not encode. */
function patternOf(template: string): RegExp {
  const source = template.replaceAll(/\{(\w+)\}/g, (_, name) => `(?<${name}>${name === "key_name" ? ".+" : "[^/]+"})`);
  return new RegExp(`^${source}$`, "s");
}

interface Target {
  readonly operation: OpenApiOperation;
  readonly pathArguments: Readonly<Record<string, string>>;
}

/** The operation that an exchange was with, and its path's arguments as sent; undefined: none of the document. */
function match({ method, path }: AnsweredExchange): Target | undefined {
  const bare = path.replaceAll(/\/{2,}/g, "/").replace(/^\/client\/v4(?=\/)/, "");
  const asked = method === "HEAD" ? "GET" : method;
  for (const candidate of load().operations) {
    const found = candidate.method === asked ? candidate.pattern.exec(bare) : null;
    if (found === null) continue;
    return { operation: candidate.operation, pathArguments: found.groups ?? {} };
  }
  return undefined;
}

function pointerTo(operation: OpenApiOperation): string {
  return load().pointers.get(operation) ?? "";
}

function checkJson(body: Buffer, schema: { readonly $ref: string }): string[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return [`the body is no JSON: ${body.toString("utf8", 0, 80)}`];
  }
  return checkValue(value, schema, "body");
}

function checkValue(value: unknown, schema: { readonly $ref: string }, name: string): string[] {
  const { ajv } = load();
  const validate = validators.get(schema.$ref) ?? ajv.compile(schema);
  validators.set(schema.$ref, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => `${name}${error.instancePath} ${error.message ?? error.keyword}`);
}
