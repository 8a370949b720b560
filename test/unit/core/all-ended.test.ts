import { expect, it } from "vitest";
import { allEnded } from "../../../src/core/all-ended.ts";

const never = new AbortController().signal;

it("gives what all come to, in their order", async () => {
  const slow = Promise.withResolvers<string>();
  const both = allEnded(never, [() => slow.promise, () => Promise.resolve("second")]);
  slow.resolve("first");
  expect(await both).toEqual(["first", "second"]);
  expect(await allEnded(never, [])).toEqual([]);
});

it("ends the others when one fails, and throws that failure only once they have ended", async () => {
  const ending = Promise.withResolvers<void>();
  let hasEnded = false;
  const other = async (signal: AbortSignal): Promise<void> => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await ending.promise;
    hasEnded = true;
    throw new Error("was ended");
  };
  const failure = allEnded(never, [other, () => Promise.reject(new Error("first"))]).catch((error: unknown) => ({
    error,
    hasEnded,
  }));
  ending.resolve();
  expect(await failure).toEqual({ error: new Error("first"), hasEnded: true });
});
