import { expect, it } from "vitest";
import { problem } from "../../../src/core/problem.ts";
import { openFindings } from "../../../src/migration/proof/findings.ts";
import { openUnknownKeys } from "../../../src/migration/proof/unknown-keys.ts";
import { keyOf } from "../../support/values.ts";

it("tells of each key that cannot be compared at which side, and why, also under its new name", () => {
  const findings = openFindings();
  const tally = { unknown: 0 } as Parameters<typeof openUnknownKeys>[0]["tally"];
  const excludedBecause = (key: string): string | undefined => (key === "left" ? "is left out" : undefined);
  const unknown = openUnknownKeys({ findings, tally, excludedBecause });
  const source = unknown.eventsOf("source");
  const destination = unknown.eventsOf("destination");
  source.onProblem(problem("metadata-invalid", "old/a", "has metadata that cannot be carried"));
  destination.onUnknown({ key: keyOf("b") });
  source.onUnknown({ key: keyOf("new/a") });
  source.onUnknown({ key: keyOf("c") });
  destination.onUnknown({ key: keyOf("left") });
  expect(findings.kept().map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
    "b: at the destination: it cannot be told what the key holds",
    "c: at the source: it cannot be told what the key holds",
    "new/a: at the source: has metadata that cannot be carried",
  ]);
  expect([tally.unknown, unknown.takes(keyOf("c")), unknown.takes(keyOf("left"))]).toEqual([3, true, false]);
});
