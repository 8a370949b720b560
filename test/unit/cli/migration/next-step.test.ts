import { expect, it } from "vitest";
import { nextStep } from "../../../../src/cli/migration/next-step.ts";
import type { MigrationState } from "../../../../src/migration/migration-record.ts";

const again = "to go on, type the same command again";
const cutover = "stop whoever writes to the source, or deploy the new ids; then type: kvsync migrate cutover move";

it.each<[MigrationState, string | undefined, string | undefined]>([
  ["planned", undefined, undefined],
  ["copying", undefined, again],
  ["catching-up", undefined, again],
  ["ready", cutover, `${again}, with kvsync migrate cutover move before or after it`],
  ["cutting-over", undefined, again],
  ["proving", undefined, again],
  ["done", undefined, "to carry over what has changed at the source since, type the same command again"],
  ["aborted", undefined, "to put the destination back as it was, type: kvsync migrate undo move"],
  ["undone", undefined, undefined],
])(
  "of a migration that is %s, says what to type next while it runs, and where it stopped",
  (state, running, stopped) => {
    const record = { name: "move", state, follow: true };
    expect([nextStep(record, true), nextStep(record, false)]).toEqual([running, stopped]);
  },
);

it("of one that does not follow its source any more, no cut-over", () => {
  expect(nextStep({ name: "move", state: "ready", follow: false }, false)).toBe(again);
});
