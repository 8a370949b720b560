import { expect, it } from "vitest";
import type { Key } from "../../../src/core/key.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import { type SeenOutcomes, withSeen } from "../../../src/replica/with-seen.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, pagesOf, writeOf } from "../../support/values.ts";

const clock = new FakeClock();

/** What is read of `a`, `b` and `c` where `b` and a `c` that is gone were seen before, and the keys that the side itself was asked for. */
async function read(isListed: boolean): Promise<{ readonly told: unknown; readonly asked: readonly string[] }> {
  const memory = openMemoryReplica({ clock, label: "memory" });
  await collect(memory.write(pagesOf(["a", "b", "c"].map((key) => writeOf(clock, key, `${key} in the side`)))));
  const listed = await collect(memory.list({ onProblem: () => {} }));
  const asked: string[] = [];
  const side: Replica = {
    ...memory,
    read: async function* (entries, options) {
      const noted = async function* (): ReturnType<typeof memory.list> {
        for await (const page of entries) {
          asked.push(...page.map(({ key }) => key));
          yield page;
        }
      };
      yield* memory.read(noted(), options);
    },
  };
  const { value } = writeOf(clock, "b", "b as seen");
  const seen: SeenOutcomes = new Map([
    ["b" as Key, { kind: "value", key: "b" as Key, value }],
    ["c" as Key, { kind: "absent", key: "c" as Key }],
  ]);
  const entries = listed.map((entry) => (isListed ? entry : { ...entry, fingerprint: undefined }));
  const outcomes = await collect(withSeen(side, seen).read(pagesOf(entries)));
  const told = outcomes.map((outcome) => [
    outcome.key,
    outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : outcome.kind,
  ]);
  return { told: told.toSorted(), asked };
}

it("what a side has said is not asked for again", async () => {
  const told = [
    ["a", "a in the side"],
    ["b", "b as seen"],
    ["c", "absent"],
  ];
  expect(await read(false)).toEqual({ told, asked: ["a"] });
});

it("what a side has said is no answer to who asks for another version", async () => {
  const told = ["a", "b", "c"].map((key) => [key, `${key} in the side`]);
  expect(await read(true)).toEqual({ told, asked: ["a", "b", "c"] });
});
