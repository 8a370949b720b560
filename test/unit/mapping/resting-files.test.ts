// Files that are still being written, in the rounds of a mapping over real files and the embedded server: what is done about them,
// and what that costs.

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingRounds } from "../../../src/mapping/round-port.ts";
import { call, counts, MappingFixture } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});
afterEach(() => fixture.close());

/** 20 files that were agreed on long ago, by clocks that agree with those of files. */
async function inStep(mapping: Parameters<MappingFixture["rounds"]>[0] = {}): Promise<MappingRounds> {
  const rounds = await fixture.inStep({ mode: "push", stableAfterMs: 300, stableMaxMs: 60_000, ...mapping });
  await rounds.full(call);
  await fixture.later();
  fixture.clock.jump(Date.now() - fixture.clock.now());
  return rounds;
}

const resting = (rounds: MappingRounds): readonly string[] => rounds.resting().map(({ key }) => key);

describe("a file that is being written", () => {
  it("costs a round over changed files no request, and is carried when it is at rest", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "half" });
    const requests = await fixture.requests(async () => {
      const report = await rounds.dirty(["k00"], call);
      expect(report.result).toMatchObject({ written: 0, failed: 0, unseen: 1 });
      expect([report.transient, report.problems]).toEqual([0, []]);
    });
    expect(requests["total"] ?? 0).toBe(0);
    expect(resting(rounds)).toEqual(["k00"]);
    expect((await fixture.keys())["k00"]).toBe("value 0");
    await fixture.clock.advance(320);
    expect(counts(await rounds.dirty(["k00"], call))).toMatchObject({ written: 1 });
    expect(resting(rounds)).toEqual([]);
    expect((await fixture.keys())["k00"]).toBe("half");
  });

  it("is neither removed nor a failure in a look at everything, which carries the others", async () => {
    const rounds = await inStep({ delete: "all" });
    fixture.write({ k00: "half" });
    fixture.remove("k01");
    expect((await rounds.full(call)).result).toMatchObject({ written: 0, removed: 1, failed: 0 });
    expect((await fixture.keys())["k00"]).toBe("value 0");
  });

  it("is not taken for one that was emptied on purpose, for five seconds", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "" });
    await rounds.dirty(["k00"], call);
    await fixture.clock.advance(4000);
    expect(counts(await rounds.dirty(["k00"], call))).toMatchObject({ written: 0 });
    await fixture.clock.advance(1200);
    expect(counts(await rounds.dirty(["k00"], call))).toMatchObject({ written: 1 });
    expect((await fixture.keys())["k00"]).toBe("");
  });

  it("is carried as it is once in stable_max", async () => {
    const rounds = await inStep();
    const written: number[] = [];
    for (let second = 0; second <= 125; second++) {
      appendFileSync(join(fixture.folder, "app.log"), "a line\n");
      fixture.clock.jump(Date.now() - fixture.clock.now());
      if (counts(await rounds.dirty(["app.log"], call)).written > 0) written.push(second);
      await fixture.clock.advance(1000);
    }
    expect(written).toEqual([60, 120]);
  });

  it("is forgotten when it is gone", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "half" });
    await rounds.dirty(["k00"], call);
    fixture.remove("k00");
    await fixture.clock.advance(10);
    await rounds.dirty(["k00"], call);
    expect(resting(rounds)).toEqual([]);
  });

  it("is not waited for in a pull, which finds what it has just written as it is", async () => {
    await inStep();
    const rounds = fixture.rounds({ mode: "pull", stableAfterMs: 300 });
    fixture.remove("k00");
    fixture.write({ k01: "mine" });
    expect((await rounds.full(call)).result).toMatchObject({ written: 2, failed: 0 });
    expect(resting(rounds)).toEqual([]);
  });
});
