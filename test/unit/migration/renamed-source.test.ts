import { expect, it } from "vitest";
import type { Key } from "../../../src/core/key.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { openRenamedSource } from "../../../src/migration/copy/renamed-source.ts";
import { parseRename } from "../../../src/migration/rename-keys.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Unknown } from "../../../src/replica/replica.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { collect, keyOf, pagesOf, writeOf } from "../../support/values.ts";

it("a name that two keys would have stands for neither of them, however many there are", async () => {
  const clock = new HurriedClock();
  const inner = openMemoryReplica({ clock, label: "old:app" });
  const names = Array.from({ length: 1500 }, (_, i) => String(i).padStart(5, "0"));
  const both = names.flatMap((name) => [writeOf(clock, `old/${name}`, "1"), writeOf(clock, `new/${name}`, "2")]);
  await collect(inner.write(pagesOf([...both, writeOf(clock, "old/alone", "3")])));
  const renamed = openRenamedSource(inner, [parseRename("old/=new/")]);

  const unknown: Unknown[] = [];
  const problems: Problem[] = [];
  const listed = await collect(
    renamed.list({
      onProblem: (problem) => problems.push(problem),
      onUnknown: (keys) => unknown.push(keys),
    }),
  );
  expect(listed.map(({ key }) => key)).toEqual(["new/alone"]);
  expect(unknown).toHaveLength(names.length);
  expect(problems).toHaveLength(2000);

  const asked: Key[] = [keyOf("new/01499"), keyOf("new/alone")];
  const outcomes = await collect(renamed.fetch!(asked));
  expect(Object.fromEntries(outcomes.map((outcome) => [outcome.key, outcome.kind]))).toEqual({
    "new/01499": "problem",
    "new/alone": "value",
  });
  await renamed.close();
});
