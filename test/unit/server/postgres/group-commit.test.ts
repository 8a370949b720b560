// What comes for one namespace while something is under way goes together, and what fails does not take others with it.

import { expect, it } from "vitest";
import { groupCommit } from "../../../../src/server/store/postgres/group-commit.ts";
import { StoreUnavailable } from "../../../../src/server/store/store.ts";

function open(fail: (items: readonly string[]) => Error | undefined = () => undefined) {
  const runs: string[] = [];
  const gates: (() => void)[] = [];
  const add = groupCommit<string, string>({
    run: async (namespace, items) => {
      runs.push(`${namespace}: ${items.join(" ")}`);
      await new Promise<void>((resolve) => gates.push(resolve));
      const error = fail(items);
      if (error !== undefined) throw error;
      return items.join("+");
    },
    weight: (item) => item.length,
    weightMax: 3,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const open = async () => {
    for (let idle = 0; idle < 3; idle++) {
      await settle();
      for (const gate of gates.splice(0)) {
        gate();
        idle = 0;
      }
    }
  };
  return { add, runs, open };
}

it("one by itself goes at once, those that come meanwhile together, in their order", async () => {
  const { add, runs, open: finish } = open();
  const results = ["a", "b", "c"].map((item) => add("n", item));
  expect(runs).toEqual(["n: a"]);
  await finish();
  expect(runs).toEqual(["n: a", "n: b c"]);
  expect(await Promise.all(results)).toEqual(["a", "b+c", "b+c"]);
});

it("namespaces do not wait for each other", async () => {
  const { add, runs, open: finish } = open();
  const results = [add("n", "a"), add("m", "b")];
  expect(runs).toEqual(["n: a", "m: b"]);
  await finish();
  await Promise.all(results);
});

it("a group has no more than it may, and what is too much goes alone", async () => {
  const { add, runs, open: finish } = open();
  const results = ["a", "bb", "c", "dddd", "e"].map((item) => add("n", item));
  await finish();
  expect(runs).toEqual(["n: a", "n: bb c", "n: dddd", "n: e"]);
  await Promise.all(results);
});

it("one that is refused does not take the others with it", async () => {
  const { add, runs, open: finish } = open((items) => (items.includes("x") ? new Error("no x") : undefined));
  const results = ["a", "b", "x"].map((item) => add("n", item));
  const settled = Promise.allSettled(results);
  await finish();
  expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(runs).toEqual(["n: a", "n: b x", "n: b", "n: x"]);
});

it("where the database cannot be reached, nothing is tried once more", async () => {
  const { add, runs, open: finish } = open((items) => (items.length > 1 ? new StoreUnavailable("away") : undefined));
  const results = ["a", "b", "c"].map((item) => add("n", item));
  const settled = Promise.allSettled(results);
  await finish();
  expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(runs).toEqual(["n: a", "n: b c"]);
});
