// What is removed in pieces, a round a few keys, is judged as what is removed at once: over real files and the embedded server.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeHoldReason, renderHoldReason } from "../../../src/mapping/hold-reason.ts";
import type { MappingRounds, RoundReport } from "../../../src/mapping/round-port.ts";
import { AppError } from "../../../src/core/errors.ts";
import { outcomeOf } from "../../support/daemon.ts";
import { call, guardOf, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

const KEYS = 20;
/** Half of the keys, since a share allows ten in any case. */
const ALLOWED = 10;
const HOUR = 3_600_000;

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

type Remove = (rounds: MappingRounds, name: string) => Promise<RoundReport>;

/** As the daemon does when a file is gone. */
const dirty: Remove = async (rounds, name) => {
  fixture.remove(name);
  return rounds.dirty([name], call);
};

/** As a command does that runs again and again. */
const full: Remove = async (rounds, name) => {
  fixture.remove(name);
  return rounds.full(call);
};

const fullOfKeys: Remove = async (rounds, name) => {
  await fixture.delete(name);
  return rounds.full(call);
};

/** Removes from the file or key `first` on, one a second, until a round is held. Returns its report. */
async function removeUntilHeld(remove: Remove, rounds: MappingRounds, first = 0): Promise<RoundReport | undefined> {
  for (let i = first; i < KEYS; i++) {
    await fixture.clock.advance(1000);
    const report = await remove(rounds, nameOf(i));
    if (report.hold !== undefined) return report;
  }
  return undefined;
}

const textOf = ({ hold }: RoundReport): string => renderHoldReason(decodeHoldReason(hold!.reason));

describe("files that go one after the other", () => {
  it.each([
    ["two-way", dirty],
    ["two-way", full],
    ["push", dirty],
    ["push", full],
  ] as const)("are held in a %s once they are more than go at once", async (mode, remove) => {
    const rounds = await fixture.inStep({ mode });
    const report = await removeUntilHeld(remove, rounds);
    expect(Object.keys(await fixture.keys())).toHaveLength(KEYS - ALLOWED);
    expect(textOf(report!)).toBe(
      "1 key would be removed from the namespace after 10 in the last ten minutes, and 10 are allowed (max_delete)",
    );
  });

  it.each(["two-way", "pull"] as const)("are held in a %s if it is keys that go", async (mode) => {
    if (mode === "pull") {
      await fixture.server.createNamespace("app");
      await fixture.put(Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [nameOf(i), `value ${i}`])));
    } else fixture.writeMany(KEYS);
    const rounds = fixture.rounds({ mode });
    await rounds.full(call);
    await fixture.later();
    const report = await removeUntilHeld(fullOfKeys, rounds);
    expect(Object.keys(fixture.files())).toHaveLength(KEYS - ALLOWED);
    expect(textOf(report!)).toContain("removed from the folder after 10 in the last ten minutes");
  });

  it("are held though the process begins anew each time", async () => {
    await fixture.inStep({ mode: "push" });
    const anew: Remove = async (_, name) => {
      fixture.remove(name);
      const rounds = fixture.rounds({ mode: "push" });
      const report = await rounds.full(call);
      await rounds.close();
      return report;
    };
    expect(await removeUntilHeld(anew, fixture.rounds())).toBeDefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(KEYS - ALLOWED);
  });

  it("are held though as many others come", async () => {
    const rounds = await fixture.inStep();
    await fixture.clock.advance(HOUR);
    const replace: Remove = async (open, name) => {
      fixture.write({ [`new-${name}`]: name });
      await open.dirty([`new-${name}`], call);
      return dirty(open, name);
    };
    expect(await removeUntilHeld(replace, rounds)).toBeDefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(KEYS + 1);
  });

  it("are foretold to be held", async () => {
    const rounds = await fixture.inStep();
    for (let i = 0; i < ALLOWED; i++) await dirty(rounds, nameOf(i));
    fixture.remove(nameOf(ALLOWED));
    const report = await fixture.rounds().full({ ...call, dryRun: true });
    expect(report.foretold).toMatchObject({ guard: "max-delete", removes: 1, lately: ALLOWED });
  });

  it("go on when a person has let them, and are counted anew from there", async () => {
    const rounds = await fixture.inStep({ maxDelete: { count: 5 } });
    const report = await removeUntilHeld(dirty, rounds);
    expect(rounds.approve(report!.hold!.plan)).toBe(true);
    expect((await rounds.full(call)).result.removed).toBe(1);
    const again = await removeUntilHeld(dirty, rounds, 6);
    expect(again?.hold).toBeDefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(KEYS - 6 - 5);
  });

  it("are counted anew after a round that was forced", async () => {
    const rounds = await fixture.inStep({ maxDelete: { count: 5 } });
    await removeUntilHeld(dirty, rounds);
    await rounds.full({ ...call, force: true });
    expect((await dirty(rounds, nameOf(6))).result.removed).toBe(1);
  });

  it("are not held when they go over hours", async () => {
    const rounds = await fixture.inStep();
    for (let i = 0; i < KEYS - 1; i++) {
      await fixture.clock.advance(61_000);
      expect((await dirty(rounds, nameOf(i))).hold).toBeUndefined();
    }
  });

  it("are held though the clock jumps ahead by a day meanwhile", async () => {
    const rounds = await fixture.inStep();
    const jumping: Remove = (open, name) => {
      fixture.clock.jump(24 * HOUR);
      return full(open, name);
    };
    expect(await removeUntilHeld(jumping, rounds)).toBeDefined();
  });
});

it("keys that come and go are not held, however many there are", async () => {
  const rounds = await fixture.inStep();
  for (let i = 0; i < 3 * KEYS; i++) {
    await fixture.clock.advance(2000);
    fixture.write({ [`session-${i}`]: "here" });
    await rounds.dirty([`session-${i}`], call);
    const report = i < 5 ? undefined : await dirty(rounds, `session-${i - 5}`);
    expect(report === undefined ? undefined : guardOf(report)).toBeUndefined();
  }
});

it("a removal that fails is not counted, however often it is tried", async () => {
  const refuse = (): Promise<never> => Promise.reject(new AppError("network", "the connection was reset"));
  fixture.through = (api) => ({ ...api, bulkDelete: refuse, deleteValue: refuse });
  const rounds = await fixture.inStep({ mode: "push" });
  fixture.remove(nameOf(0));
  for (let i = 0; i < KEYS; i++) expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "network" });
  expect((await fixture.rounds({ mode: "push" }).full({ ...call, dryRun: true })).foretold).toBeUndefined();
});
