import { expect, test } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { ReadableReplica, Unknown } from "../../../src/replica/replica.ts";
import { withLimit } from "../../../src/replica/with-limit.ts";
import { FakeClock } from "../../support/fake-clock.ts";

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
