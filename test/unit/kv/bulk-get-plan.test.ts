import { describe, expect, it } from "vitest";
import { groupKeys, learnBinary, readSingly, UNKNOWN_SHARE } from "../../../src/kv/bulk-get-plan.ts";

const share = (binary: number): { seen: number; binary: number } => ({ seen: 1000, binary: 1000 * binary });

describe("planning bulk gets among values that may be binary", () => {
  it("asks for 100 at first", () => {
    expect(groupKeys(UNKNOWN_SHARE)).toBe(100);
  });

  it.each([
    [0, 100],
    [0.001, 100],
    [0.02, 25],
    [0.2, 3],
    [0.5, 1],
    [1, 1],
  ])("asks for fewer the more are binary: %s, %s keys", (binary, keys) => {
    expect(groupKeys(share(binary))).toBe(keys);
  });

  it("splits what failed while few are binary, and reads it one by one otherwise", () => {
    expect(readSingly(100, share(0.01))).toBe(false);
    expect(readSingly(2, share(0.01))).toBe(true);
    expect(readSingly(12, share(0.6))).toBe(true);
  });

  it("learns, and forgets what is long ago", () => {
    let learnt = UNKNOWN_SHARE;
    for (let i = 0; i < 100; i++) learnt = learnBinary(learnt, 1, 1);
    expect(groupKeys(learnt)).toBe(1);
    for (let i = 0; i < 40; i++) learnt = learnBinary(learnt, 100, 0);
    expect(groupKeys(learnt)).toBe(100);
  });
});
