import { expect, it } from "vitest";
import { followState } from "../../../src/migration/follow-source.ts";

it.each([
  [0, 0, "catching-up"],
  [1, 60_000, "catching-up"],
  [2, 59_999, "catching-up"],
  [2, 60_000, "ready"],
  [9, 600_000, "ready"],
] as const)("after %i rounds and %i ms without a change it is %s", (quietRounds, quietMs, state) => {
  expect(followState({ quietRounds, quietMs, settleWindowMs: 60_000 })).toBe(state);
});
