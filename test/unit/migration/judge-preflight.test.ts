import { expect, it } from "vitest";
import {
  isStopped,
  judgePreflight,
  type PlannedFacts,
  type PreflightFacts,
} from "../../../src/migration/preflight/judge-preflight.ts";
import type { SeenListing } from "../../../src/migration/preflight/seen-listing.ts";

const nothing: SeenListing = { keys: 0, bytes: 0, unsized: 0, withMetadata: 0, longKeys: 0, digest: "" };
const one: PlannedFacts = {
  title: "web",
  source: {},
  destination: {},
  isSame: false,
  destinationLabel: "new:web",
  seen: { source: { ...nothing, keys: 5 }, destination: nothing },
  others: 0,
  extra: 0,
  writes: 5,
  badKeys: 0,
  badKey: undefined,
};
const seen = (source: Partial<SeenListing>): Partial<PlannedFacts> => ({
  seen: { source: { ...nothing, ...source }, destination: nothing },
});
const instant = { destination: { mode: "instant" } };

type Row = [what: string, facts: Partial<PlannedFacts>, all: Partial<PreflightFacts>, found: readonly string[]];

const table: readonly Row[] = [
  ["an empty destination", {}, {}, []],
  ["a token that may only read", {}, { mayWrite: false }, ["read-only stops"]],
  ["the source itself", { isSame: true, others: 3 }, {}, ["same-namespace stops"]],
  ["other content", { others: 3 }, {}, ["overwrite asks"]],
  ["keys that only the destination has", { extra: 3 }, {}, ["extra-keys note"]],
  ["keys that cannot be carried", { badKeys: 2, badKey: "a would be b" }, {}, ["bad-keys stops"]],
  ["two jurisdictions", { source: { jurisdiction: "eu" } }, {}, ["jurisdiction asks"]],
  ["one jurisdiction", { source: { jurisdiction: "eu" }, destination: { jurisdiction: "eu" } }, {}, []],
  ["a new namespace, created like the source", { source: { jurisdiction: "eu" }, destination: undefined }, {}, []],
  ["KV Instant that fits", instant, {}, ["instant note"]],
  ["KV Instant and metadata", { ...instant, ...seen({ withMetadata: 1 }) }, {}, ["instant stops"]],
  ["KV Instant and long keys", { ...instant, ...seen({ longKeys: 1 }) }, {}, ["instant stops"]],
  ["KV Instant and too many keys", { ...instant, ...seen({ keys: 10_001 }) }, {}, ["instant stops"]],
  ["KV Instant and too many bytes", { ...instant, ...seen({ bytes: 1_000_001 }) }, {}, ["instant stops"]],
  ["more than the Free plan allows a day", {}, { freePlanDays: 3 }, ["free-plan note"]],
];

it.each(table)("%s", (_, facts, all, found) => {
  const findings = judgePreflight({
    mayWrite: true,
    destinationAccount: "new",
    freePlanDays: 1,
    namespaces: [{ ...one, ...facts }],
    ...all,
  });
  expect(findings.map(({ code, severity }) => `${code} ${severity}`)).toEqual(found);
  const stops = found.some((text) => text.endsWith("stops"));
  expect(isStopped(findings, [])).toBe(found.some((text) => !text.endsWith("note")));
  expect(isStopped(findings, ["overwrite", "jurisdiction", "instant"])).toBe(stops);
});
