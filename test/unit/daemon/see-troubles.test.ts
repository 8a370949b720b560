// From how the daemon stands to what a person should look at.

import { describe, expect, it } from "vitest";
import type { BackupStatus } from "../../../src/backups/backup-status.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import type { DurationMs, EpochMs } from "../../../src/core/clock.ts";
import type { AccountStatus } from "../../../src/daemon/control/daemon-status.ts";
import { seeTroubles } from "../../../src/daemon/notices/see-troubles.ts";
import type { MappingStatus } from "../../../src/mapping/status.ts";

const NOW = 1_800_000_000_000 as EpochMs;
const HOUR = 3_600_000;
const ago = (duration: DurationMs): EpochMs => (NOW - duration) as EpochMs;

const { backups } = loadConfig({
  path: "/p/kvsync.yaml",
  cwd: "/p",
  env: {},
  readFile: () => `
repositories: { vault: { store: ./vault } }
backups:
  nightly: { sources: [./x], repository: vault, at: "03:00", encryption: none }
  often: { sources: [./x], repository: vault, every: 6h, encryption: none }
`,
});

const mapping = (status: Partial<MappingStatus>): MappingStatus =>
  ({
    mapping: "app",
    hold: null,
    paused: null,
    error: null,
    lastRound: {},
    localLookedAt: NOW,
    conflicts: 0,
    ...status,
  }) as MappingStatus;
const backup = (status: Partial<BackupStatus>): BackupStatus =>
  ({ backup: "nightly", failure: null, lastCompleteAt: NOW, knownSince: NOW, ...status }) as BackupStatus;
const account = (status: Partial<AccountStatus>): AccountStatus =>
  ({ account: "prod", retrying: null, retryingForMs: null, requests: { total: 3 }, ...status }) as AccountStatus;

function see(
  stands: {
    readonly mapping?: MappingStatus;
    readonly backup?: BackupStatus;
    readonly account?: AccountStatus;
    readonly stuck?: readonly string[];
  },
  backupAgeMs?: DurationMs,
) {
  return Object.fromEntries(
    seeTroubles(
      {
        mappings: stands.mapping === undefined ? [] : [stands.mapping],
        backups: stands.backup === undefined ? [] : [stands.backup],
        accounts: stands.account === undefined ? [] : [stands.account],
        stuck: stands.stuck ?? [],
        now: NOW,
      },
      { backups, backupAgeMs },
    ),
  );
}

describe("a mapping", () => {
  it("that is paused is neither well nor in trouble, whatever it was", () => {
    const error = { code: "network", message: "no", hint: null, since: ago(HOUR), retryAt: null } as const;
    const paused = { since: NOW, reason: null, by: "person" } as const;
    for (const status of [{}, { error }, { conflicts: 2 }])
      expect(see({ mapping: mapping({ ...status, paused }) })).toEqual({
        "stuck mapping app": "well",
        "held mapping app": "unknown",
        "failing mapping app": "unknown",
        "conflict mapping app": "unknown",
      });
  });

  it("that is in step is well", () => {
    expect(see({ mapping: mapping({}) })).toEqual({
      "stuck mapping app": "well",
      "held mapping app": "well",
      "failing mapping app": "well",
      "conflict mapping app": "well",
    });
  });

  it("that had no round yet is not known to be well", () => {
    const seen = see({ mapping: mapping({ lastRound: null, localLookedAt: null }) });
    expect(seen["failing mapping app"]).toBe("unknown");
    expect(seen["conflict mapping app"]).toBe("unknown");
  });

  it("that is held says what to type; approved, it is neither held nor well", () => {
    const hold = {
      plan: "0123",
      guard: "max-delete",
      message: "m",
      hint: "h",
      writes: 1,
      removes: 2,
      since: NOW,
      approved: false,
    };
    expect(see({ mapping: mapping({ hold }) })["held mapping app"]).toMatchObject({
      event: "held",
      command: "kvsync approve app --plan 0123",
      removes: 2,
    });
    expect(see({ mapping: mapping({ hold: { ...hold, approved: true } }) })["held mapping app"]).toBe("unknown");
  });

  it("with conflicts that wait says how many", () => {
    expect(see({ mapping: mapping({ conflicts: 3 }) })["conflict mapping app"]).toMatchObject({
      message: "3 keys changed on both sides, and wait for a person",
      count: 3,
      waits: true,
    });
  });
});

it("a loop that shows no sign of life is a failure of its mapping, or backup", () => {
  const seen = see({ mapping: mapping({}), backup: backup({}), stuck: ["app", "backup nightly"] });
  const trouble = { event: "failing", message: expect.stringContaining("no sign of life"), code: "failed" };
  expect(seen).toMatchObject({
    "stuck mapping app": { ...trouble, mapping: "app", backup: null },
    "stuck backup nightly": { ...trouble, mapping: null, backup: "nightly" },
    "failing mapping app": "well",
  });
});

describe("a backup", () => {
  it.each([
    ["nightly", 47 * HOUR, undefined, "well"],
    ["nightly", 49 * HOUR, undefined, "backup-old"],
    ["often", 11 * HOUR, undefined, "well"],
    ["often", 13 * HOUR, undefined, "backup-old"],
    ["nightly", 27 * HOUR, 26 * HOUR, "backup-old"],
    ["often", 13 * HOUR, 26 * HOUR, "well"],
  ] as const)("%s, complete %i ms ago, with backup_age %s, is %s", (name, age, backupAgeMs, expected) => {
    const seen = see({ backup: backup({ backup: name, lastCompleteAt: ago(age) }) }, backupAgeMs);
    const old = seen[`backup-old backup ${name}`];
    expect(typeof old === "object" ? old.event : old).toBe(expected);
  });

  it("that was never complete counts from when it was known", () => {
    const never = (age: DurationMs) => backup({ lastCompleteAt: null, knownSince: ago(age) });
    expect(see({ backup: never(HOUR) })["backup-old backup nightly"]).toBe("well");
    expect(see({ backup: never(49 * HOUR) })["backup-old backup nightly"]).toMatchObject({ lastCompleteAt: null });
    const unknown = backup({ lastCompleteAt: null, knownSince: null });
    expect(see({ backup: unknown })["backup-old backup nightly"]).toBe("unknown");
  });
});

describe("an account", () => {
  it("fails when it has been silent for a minute; one request that is sent again says nothing", () => {
    const silent = (forMs: DurationMs) => account({ retrying: "the connection was refused", retryingForMs: forMs });
    expect(see({ account: silent(5000) })["failing account prod"]).toBe("unknown");
    expect(see({ account: silent(90_000) })["failing account prod"]).toMatchObject({ since: ago(90_000) });
    expect(see({ account: account({}) })["failing account prod"]).toBe("well");
    const unused = account({ requests: { total: 0 } as AccountStatus["requests"] });
    expect(see({ account: unused })["failing account prod"]).toBe("unknown");
  });
});
