import { describe, expect, it } from "vitest";
import { calm } from "../../../src/page/calm.ts";
import type { DaemonStatus, MappingStatus } from "../../../src/page/contract.ts";

const NOW = 1_000_000;

function statusOf(mapping: Partial<MappingStatus>): DaemonStatus {
  const whole = { mapping: "app", state: "in-step", since: 5, working: null, hold: null, error: null, ...mapping };
  return { now: NOW, mappings: [whole] } as unknown as DaemonStatus;
}

function working(agoMs: number): Partial<MappingStatus> {
  const work = { step: "full", phase: "compare", startedAt: NOW - agoMs, keys: 0, keysTotal: null };
  return { state: "working", since: NOW - agoMs, working: work } as unknown as Partial<MappingStatus>;
}

describe("a mapping that works", () => {
  it("for a moment is shown as it stood", () => {
    const [shown] = calm(statusOf({}), statusOf(working(100))).mappings;
    expect(shown).toMatchObject({ state: "in-step", since: 5, working: null });
  });

  it("for longer is shown to work", () => {
    const [shown] = calm(statusOf({}), statusOf(working(2000))).mappings;
    expect(shown).toMatchObject({ state: "working", working: { phase: "compare" } });
  });

  it("is shown to work if it is seen for the first time", () => {
    expect(calm(undefined, statusOf(working(100))).mappings[0]).toMatchObject({ state: "working" });
  });

  it("and was failing is shown to fail no more", () => {
    const [shown] = calm(
      statusOf({ state: "error", error: {} as MappingStatus["error"] }),
      statusOf(working(100)),
    ).mappings;
    expect(shown).toMatchObject({ state: "working", error: null });
  });
});

it("a mapping that comes to be held while it works is shown to be held at once", () => {
  const hold = {} as MappingStatus["hold"];
  const [shown] = calm(statusOf({}), statusOf({ ...working(100), state: "hold", hold })).mappings;
  expect(shown).toMatchObject({ state: "hold", working: null });
});
