// The kinds of value that a config file holds, each as one valibot schema that knows three things: how it is written,
// what it becomes, and what to say when it is something else.

import * as v from "valibot";
import { closestName } from "./closest-name.ts";
import type { Parsed } from "../core/units.ts";

/** Text of at least one character. A number is taken as it is written: an account id may be all digits. */
export function text(description: string) {
  return v.pipe(
    v.union([v.string(), v.number()], wrongKind("text")),
    v.description(description),
    v.transform(String),
    v.nonEmpty("must not be empty"),
    v.check((value) => !value.includes("\0"), "must hold no NUL character"),
  );
}

/** Text that may be empty. */
export function anyText(description: string) {
  return v.pipe(v.union([v.string(), v.number()], wrongKind("text")), v.description(description), v.transform(String));
}

export function flag(description: string) {
  return v.pipe(v.boolean(wrongKind("true or false")), v.description(description));
}

export function wholeNumber(description: string, min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(wrongKind("a whole number")),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
    v.description(description),
  );
}

export function oneOf<const T extends readonly string[]>(description: string, values: T) {
  const wrong = wrongKind(values.join(" or "));
  const message = (issue: v.BaseIssue<unknown>): string => {
    const meant = typeof issue.input === "string" ? closestName(issue.input, values) : undefined;
    return meant === undefined ? wrong(issue) : `${wrong(issue)}; did you mean "${meant}"?`;
  };
  return v.pipe(v.picklist(values, message), v.description(description));
}

/** A quantity with a unit; `pattern` is how it is written, for editors. */
export function quantity(description: string, parse: (text: string) => Parsed<number>, pattern: RegExp, min = 0) {
  return v.pipe(
    v.string(({ input }) =>
      typeof input === "number" ? faultOf(parse(String(input))) : `must be text with a unit, not ${kindOf(input)}`,
    ),
    v.description(description),
    v.metadata({ pattern: `${pattern.source}|${ENVIRONMENT.source}` }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value);
      const message = parsed.kind === "fault" ? parsed.message : parsed.value < min ? "is too little" : undefined;
      if (message !== undefined) addIssue({ message });
      return parsed.kind === "fault" ? NEVER : parsed.value;
    }),
  );
}

/** A reference to the environment, which editors must let stand where a unit is wanted. */
const ENVIRONMENT = /\$\{[A-Za-z_]/;

export function list<const T extends v.GenericSchema>(description: string, item: T) {
  return v.pipe(v.array(item, wrongKind("a list")), v.description(description));
}

export function texts(description: string) {
  return list(
    description,
    v.pipe(v.union([v.string(), v.number()], wrongKind("text")), v.transform(String), v.nonEmpty("must not be empty")),
  );
}

/** A group of exactly these keys. The message of an unknown one is the list of the known, for `issueMessage`. */
export function group<const T extends v.ObjectEntries>(description: string, entries: T) {
  return v.pipe(
    noList(v.objectWithRest(entries, v.never(Object.keys(entries).join(" ")), wrongKind("a group of keys"))),
    v.description(description),
  );
}

/** Named things: accounts, mappings. A name stands in locations and on command lines, and so is plain. */
export function named<const T extends v.GenericSchema>(description: string, item: T) {
  const name = v.pipe(
    v.string(),
    v.regex(NAME, "is no name: use letters, digits, dots, dashes and underscores, and begin with a letter or digit"),
  );
  return v.pipe(noList(v.record(name, item, wrongKind("a group of names"))), v.description(description));
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** `schema`, but for a list, which valibot would take for an object with the keys 0, 1, 2. */
function noList<T extends v.GenericSchema>(schema: T): T {
  return {
    ...schema,
    "~run": (dataset, config) => schema["~run"](Array.isArray(dataset.value) ? { value: LIST } : dataset, config),
  };
}

/** Stands in for a list where none may be. */
const LIST = Symbol("a list");

/** What `input` is, for a message: `a list`, `nothing`. */
function kindOf(input: unknown): string {
  if (input === null || input === undefined) return "nothing";
  if (Array.isArray(input) || input === LIST) return "a list";
  if (typeof input === "object") return "a group of keys";
  return JSON.stringify(input);
}

function wrongKind(wanted: string): (issue: v.BaseIssue<unknown>) => string {
  return ({ input }) => `must be ${wanted}, not ${kindOf(input)}`;
}

function faultOf(parsed: Parsed<unknown>): string {
  return parsed.kind === "fault" ? parsed.message : "must be text with a unit";
}
