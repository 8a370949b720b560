import { expect, test } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { ReadableReplica, Unknown } from "../../../src/replica/replica.ts";
import { withLimit } from "../../../src/replica/with-limit.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, valueOf } from "../../support/values.ts";

/** Keys `k00` ... in pages, and how many pages were asked for. */
function listed(pages: readonly (readonly string[])[]): { readonly replica: ReadableReplica; asked(): number } {
  let asked = 0;
  const replica: ReadableReplica = {
    ...openMemoryReplica({ clock: new FakeClock(), label: "memory" }),
    async *list() {
      for (const page of pages) {
        asked++;
        yield page.map((key) => ({ key: key as Key }) as Entry);
      }
    },
  };
  return { replica, asked: () => asked };
}

async function keysOf(replica: ReadableReplica, unknowns: Unknown[] = []): Promise<string[]> {
  const keys: string[] = [];
  const options = { onProblem: () => undefined, onUnknown: (unknown: Unknown) => unknowns.push(unknown) };
  for await (const page of replica.list(options)) keys.push(...page.map(({ key }) => key));
  return keys;
}

const PAGES = [["a", "b"], [], ["c", "d"], ["e"]];

test.each([
  [1, ["a"], 1],
  [2, ["a", "b"], 1],
  [3, ["a", "b", "c"], 3],
  [5, ["a", "b", "c", "d", "e"], 4],
])("the first %i keys are listed, and nothing behind them is known or asked for", async (keysMax, keys, pages) => {
  const source = listed(PAGES);
  const destination = listed([["a", "b2"], ["c"], ["e", "f"], ["g"]]);
  const limited = withLimit(source.replica, destination.replica, keysMax);
  const unknowns: Unknown[] = [];
  expect(await keysOf(limited.source, unknowns)).toEqual(keys);
  expect(source.asked()).toBe(pages);
  expect(unknowns).toEqual([{ after: keys.at(-1), before: undefined }]);
  const last = keys.at(-1)!;
  expect(await keysOf(limited.destination)).toEqual(["a", "b2", "c", "e", "f", "g"].filter((key) => key <= last));
  expect(destination.asked()).toBeLessThan(4);
});

test("a source with fewer keys is listed as a whole", async () => {
  const { source, destination } = withLimit(listed(PAGES).replica, listed([["x"]]).replica, 6);
  const unknowns: Unknown[] = [];
  expect(await keysOf(source, unknowns)).toHaveLength(5);
  expect(unknowns).toEqual([]);
  expect(await keysOf(destination)).toEqual(["x"]);
});

test.each([1, 999, 1000, 1001, 2400])(
  "behind %i keys nothing is removed or forgotten, not even by a mirror that is forced: the base stays as well",
  async (keysMax) => {
    const clock = new FakeClock();
    const names = Array.from({ length: 2500 }, (_, index) => `k${String(index).padStart(4, "0")}`);
    const open = async (keys: readonly string[]) => {
      const replica = openMemoryReplica({ clock, label: "memory" });
      const writes = keys.map((key) => ({ value: valueOf(clock, key, "the same"), expected: undefined }));
      await collect(replica.write(pagesOf(writes)));
      return replica;
    };
    const whole = openPair(clock, await open(names), await open(names));
    expect(await round(whole)).toMatchObject({ unchanged: 2500 });
    // The source has lost every other key since.
    const left = await open(names.filter((_, index) => index % 2 === 0));
    const { source, destination } = withLimit(left, whole.destination, keysMax);
    const result = await round({ ...whole, source, destination }, { delete: "all", force: true });
    const last = (keysMax - 1) * 2;
    const isCut = keysMax < 1250;
    expect(result).toMatchObject({ written: 0, removed: isCut ? keysMax - 1 : 1250 });
    if (!isCut) return;
    const kept = await collect(whole.destination.list({ onProblem: () => undefined }));
    expect(kept).toHaveLength(2500 - (keysMax - 1));
    expect(whole.base.lookup([keyOf(names[last + 1]!), keyOf(names.at(-1)!)])).toHaveLength(2);
  },
);
