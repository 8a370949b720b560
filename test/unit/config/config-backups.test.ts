// Backups in a config file: what is backed up, where to, when, and what is kept; and what is wrong with them, each at its place.

import { describe, expect, test } from "vitest";
import { ACCOUNTS, faults, load } from "./config-fixture.ts";

const PLACES = `${ACCOUNTS}repositories: { vault: { store: /srv/kv } }\n`;
const REQUIRED = "sources: ['a:x'], repository: vault";
const backup = (text: string) => load(`${PLACES}backups:\n  nightly: { ${text} }\n`).backups.get("nightly");
const fault = (text: string): string => faults(`${PLACES}backups:\n  nightly: { ${text} }\n`);

describe("a backup", () => {
  test("of which only the necessary is said keeps everything, and runs when it is asked for", () => {
    expect(backup(REQUIRED)).toEqual({
      name: "nightly",
      sources: ["a:x"],
      repository: { name: "vault", store: { kind: "folder", path: "/srv/kv" }, passphrase: undefined },
      repositoryLabel: "vault",
      schedule: undefined,
      timeZone: undefined,
      jitterMs: 0,
      keep: [],
      prune: false,
      drillEveryMs: undefined,
      tags: [],
      sharesSourcesWith: [],
      prefix: "",
      include: [],
      exclude: [],
      skipIfUnchanged: false,
      isPlain: false,
      onFailure: undefined,
      onSuccess: undefined,
    });
  });

  test("takes folders as beside the file, and stores without a name", () => {
    expect(backup("sources: [./x, ~/y, /z, 'a:*', 'a:n/eu*'], repository: ./kv")).toMatchObject({
      sources: ["/site/x", "/home/ann/y", "/z", "a:*", "a:n/eu*"],
      repository: { name: undefined, store: { kind: "folder", path: "/site/kv" } },
      repositoryLabel: "./kv",
    });
  });

  test("with all that may be said", () => {
    const text = `${REQUIRED}, at: 03:05, timezone: Europe/Berlin, jitter: 10m, drill: 7d, tags: [t], prefix: eu, exclude: ['*.tmp'],
      keep: { last: 7, daily: 14, monthly: unlimited, hourly: 0, within: 2y5m, within_daily: 30d, tag: 'a,b' }, prune: false, skip_if_unchanged: true,
      encryption: none, on_backup_failure: { run: [mail], timeout: 5s }`;
    expect(backup(text)).toMatchObject({
      schedule: { kind: "daily", atMinutes: 185 },
      timeZone: "Europe/Berlin",
      jitterMs: 600_000,
      drillEveryMs: 7 * 86_400_000,
      keep: [
        { kind: "last", count: 7 },
        { kind: "periods", period: "daily", count: 14 },
        { kind: "periods", period: "monthly", count: Infinity },
        { kind: "within", span: { years: 2, months: 5, days: 0, hours: 0 } },
        { kind: "periods-within", period: "daily", span: { years: 0, months: 0, days: 30, hours: 0 } },
        { kind: "tags", tags: ["a", "b"] },
      ],
      prune: false,
      prefix: "eu/",
      exclude: ["*.tmp"],
      isPlain: true,
      skipIfUnchanged: true,
      onFailure: { run: ["mail"], timeoutMs: 5000 },
    });
    expect(backup(`${REQUIRED}, every: 6h, keep: { last: 3 }`)).toMatchObject({
      schedule: { kind: "every", everyMs: 6 * 3_600_000 },
      prune: true,
    });
  });

  test.each<[string, RegExp]>([
    ["repository: vault", /sources is missing/],
    ["sources: [], repository: vault", /sources must name what is backed up/],
    ["sources: ['a:x']", /repository is missing/],
    ["sources: ['b:x'], repository: vault", /there is no account "b"; accounts are a/],
    ["sources: [x], repository: vault", /"x" is no source: write ACCOUNT:x for a namespace, or \.\/x for a folder/],
    ["sources: ['a:'], repository: vault", /"a:" names no namespace/],
    ["sources: ['a:x*'], repository: vault", /"a:x\*" is no source: write a:\* for all namespaces/],
    ["sources: ['a:x'], repository: valt", /there is no repository "valt"; did you mean "vault"\?/],
    ["sources: ['a:x'], repository: other", /write \.\/other for a folder; repositories are vault/],
    ["sources: ['a:x'], repository: 's3://b'", /has no endpoint/],
    [
      "sources: [/srv], repository: vault",
      /the repository \/srv\/kv lies in \/srv, and would be backed up into itself/,
    ],
    [`${REQUIRED}, every: 6h, at: "03:00"`, /stands beside every: keep one of them/],
    [`${REQUIRED}, at: 3am`, /at must be a time of the day, as in "03:00"/],
    [`${REQUIRED}, at: "24:00"`, /must be a time of the day/],
    [`${REQUIRED}, every: 10`, /needs a unit/],
    [`${REQUIRED}, jitter: 10m`, /has no effect: add every or at/],
    [`${REQUIRED}, timezone: Berlin`, /timezone is no time zone/],
    [`${REQUIRED}, keep: { last: 0 }`, /keeps nothing/],
    [`${REQUIRED}, keep: { daily: 7d }`, /"7d" is no number of snapshots/],
    [`${REQUIRED}, keep: { within: 7 }`, /"7" is no span of time/],
    [`${REQUIRED}, keep: { dayly: 7 }`, /unknown key "dayly"; did you mean "daily"\?/],
    [`${REQUIRED}, prune: true`, /has no effect: nothing is forgotten without keep/],
    [`${REQUIRED}, tags: [backup=weekly]`, /"backup=weekly" is what kvsync itself tags snapshots with/],
    [`${REQUIRED}, exclude: ['[']`, /exclude 1|exclude/],
  ])("%s is refused", (text, message) => expect(fault(text)).toMatch(message));

  test("a fault is told with its line and column, and one that follows from another is not", () => {
    const text = `${PLACES}backups:\n  nightly:\n    sources: ['a:x', 'c:y']\n    repository: vault\n`;
    expect(faults(text)).toContain("kvsync.yaml:5:22: there is no account");
    const twice = "repositories: { r: { store: 's3://' } }\nbackups: { n: { sources: [/x], repository: r } }\n";
    expect(faults(twice)).toMatch(/^the config file has one fault/);
  });
});

const ID = "0123456789abcdef0123456789abcdef";
test.each([
  ["the same", "sources: ['a:x'], repository: vault", true],
  ["the same store by its path", "sources: ['a:y', 'a:x'], repository: /srv/kv", true],
  ["all namespaces of the account", "sources: ['a:*'], repository: vault", true],
  ["one by its id, which may be that of x", `sources: ['a:${ID}'], repository: vault`, true],
  ["another namespace", "sources: ['a:y'], repository: vault", false],
  ["a part of the namespace", "sources: ['a:x/eu/'], repository: vault", false],
  ["under a filter", "sources: ['a:x'], repository: vault, exclude: [y]", false],
  ["another repository", "sources: ['a:x'], repository: ./other", false],
  ["a folder", "sources: [./x], repository: vault", false],
])("two backups share a source or do not: %s", (_, other, expected) => {
  const { backups } = load(`${PLACES}backups:\n  nightly: { ${REQUIRED} }\n  other: { ${other} }\n`);
  expect(backups.get("nightly")?.sharesSourcesWith).toEqual(expected ? ["other"] : []);
  expect(backups.get("other")?.sharesSourcesWith).toEqual(expected ? ["nightly"] : []);
});

test("a repository in a mapping's folder is refused: its packs would be written to KV", () => {
  const text = `${ACCOUNTS}repositories: { r: { store: ./m/kv } }\nmappings: { m: { mode: push } }\n`;
  expect(faults(text)).toMatch(/the folder \/site\/m\/kv overlaps that of mapping "m"/);
});
