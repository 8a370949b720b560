// A view reaches every way in and out of the replica inside, also those that a wrapper's author did not think of.

import { expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import { staleRead } from "../../../src/core/problem.ts";
import type { Rule } from "../../../src/core/rule.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica, ShownVersion } from "../../../src/replica/replica.ts";
import { withFilter } from "../../../src/replica/with-filter.ts";
import { withRules } from "../../../src/replica/with-rules.ts";
import { withoutStamps } from "../../../src/replica/without-stamps.ts";
import { wrapReplica } from "../../../src/replica/wrap.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, keyOf, pagesOf, valueOf, writeOf } from "../../support/values.ts";

const clock = new FakeClock({ now: Date.now() });
const ignore = { onProblem: () => {} };

async function memoryWith(...keys: string[]): Promise<Replica> {
  const memory = openMemoryReplica({ clock, label: "memory" });
  await collect(memory.write(pagesOf(keys.map((key) => writeOf(clock, key, `value of ${key}`)))));
  return memory;
}

it("a filter hides keys from a listing, a lookup and a fetch alike", async () => {
  const replica = withFilter(await memoryWith("a", "tmp/b", "z"), (key) => !key.startsWith("tmp/"));
  const asked = ["a", "tmp/b", "z"].map(keyOf);
  const listed = await collect(replica.list(ignore));
  expect(listed.map(({ key }) => key)).toEqual(["a", "z"]);
  expect(await replica.lookup!(asked, ignore)).toEqual(listed);
  expect((await collect(replica.fetch!(asked))).map(({ key }) => key)).toEqual(["a", "z"]);
});

it("rules show in a listing, a lookup, a read, a fetch and the outcome of a write, and are not stored", async () => {
  const inner = await memoryWith();
  const rule: Rule = { matches: (key) => key === "k", ttlSeconds: undefined, metadata: '{"rule":1}' };
  const replica = withRules(inner, [rule]);
  const write = writeOf(clock, "k", "v", { metadata: '{"rule":1}' });
  const [written] = await collect(replica.write(pagesOf([write])));
  expect(written).toMatchObject({ kind: "written", entry: { metadata: '{"rule":1}' } });
  const stored = await collect(inner.list(ignore));
  expect(stored).toMatchObject([{ key: "k", metadata: undefined }]);
  const listed = await collect(replica.list(ignore));
  expect(listed).toMatchObject([{ key: "k", metadata: '{"rule":1}' }]);
  expect(await replica.lookup!([keyOf("k")], ignore)).toEqual(listed);
  const shown = [{ kind: "value", value: { entry: { metadata: '{"rule":1}' } } }];
  expect(await collect(replica.read(pagesOf(stored)))).toMatchObject(shown);
  expect(await collect(replica.fetch!([keyOf("k")]))).toMatchObject(shown);
});

it("without stamps neither a listing nor a lookup tells what a value is, and a read does", async () => {
  const replica = withoutStamps(await memoryWith("a"));
  const listed = await collect(replica.list(ignore));
  expect(listed).toMatchObject([{ key: "a", fingerprint: undefined, size: undefined }]);
  expect(await replica.lookup!([keyOf("a")], ignore)).toEqual(listed);
  expect(await collect(replica.read(pagesOf(listed)))).toMatchObject([{ value: { entry: { size: 10 } } }]);
});

it("a view changes every version that a read shows: those seen on the way, and those without their stamp", async () => {
  const value = valueOf(clock, "k", "v");
  const version: ShownVersion = { entry: value.entry, attributesAreListed: false };
  const key = keyOf("k");
  const inner: Replica = {
    ...(await memoryWith()),
    async *fetch(_, { onShown } = {}) {
      onShown?.(version);
      yield [
        { kind: "absent", key, alsoShown: [version] },
        { kind: "problem", key, problem: staleRead(key), alsoShown: [version], unstamped: value },
      ];
    },
  };
  const told: ShownVersion[] = [];
  const marked = (entry: Entry): Entry => ({ ...entry, metadata: '"seen"' });
  const replica = wrapReplica(inner, { read: marked });
  const outcomes = await collect(replica.fetch!([key], { onShown: (one) => told.push(one) }));
  const own = { entry: { metadata: '"seen"' } };
  expect(told).toMatchObject([own]);
  expect(outcomes).toMatchObject([{ alsoShown: [own] }, { alsoShown: [own], unstamped: own }]);
});
