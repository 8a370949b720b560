// Pairs that an answer does not confirm: they are sent again, and are told as written only once they are.

import { describe, expect, it } from "vitest";
import type { DurationMs, EpochSeconds } from "../../../src/core/clock.ts";
import { type PairToWrite, writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, pagesOf } from "../../support/values.ts";
import { failure } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { answer } from "./scripted-server.ts";
import { done, openScriptedWrites } from "./scripted-writes.ts";
import { manyPairs, pairOf } from "./transfer-fixture.ts";

/** While it sleeps, everything else gets as far as it can. */
class LongSleeps extends HurriedClock {
  override async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < 2000; i++) await new Promise((resolve) => setImmediate(resolve));
    await super.sleep(duration, signal);
  }
}

describe("writing pairs", () => {
  it("looks at expirations again when a batch is sent later than it was packed", async () => {
    // The pause before the second attempt takes "late" under the 60 seconds.
    await using it = await openScriptedWrites((pairs, _, response, number) => {
      answer(response, done(pairs.length, number === 0 ? ["late", "fine"] : []));
    });
    const seconds = Math.floor(it.clock.now() / 1000);
    const pairs = [
      pairOf("late", "v", { expiration: (seconds + 60) as EpochSeconds }),
      pairOf("fine", "v", { expiration: (seconds + 6000) as EpochSeconds }),
    ];
    const outcomes = await collect(writePairs(it.deps, pagesOf(pairs)));
    expect(outcomes).toEqual([
      expect.objectContaining({
        key: "late",
        kind: "problem",
        problem: expect.objectContaining({ code: "expired" }) as object,
      }),
      expect.objectContaining({ key: "fine", kind: "written" }),
    ]);
    expect(it.sent).toEqual([["late", "fine"], ["fine"]]);
  });

  it("sends again only what was unsuccessful, with pauses, and never confirms it before", async () => {
    await using it = await openScriptedWrites((pairs, _, response, number) => {
      const keys = pairs.map((pair) => pair.key);
      answer(response, done(keys.length, number < 3 ? keys.slice(0, 5) : []));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(20, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "written")).toHaveLength(20);
    expect(it.sent.map((keys) => keys.length)).toEqual([20, 5, 5, 5]);
    expect(it.clock.slept).toHaveLength(3);
  });

  it("holds no more while everything waits to be sent again than while it is sent", async () => {
    const tries = new Map<string, number>();
    await using it = await openScriptedWrites((pairs, _, response) => {
      const failed = pairs.map(({ key }) => key).filter((key) => (tries.get(key) ?? 0) < 2);
      for (const key of failed) tries.set(key, (tries.get(key) ?? 0) + 1);
      answer(response, done(pairs.length, failed));
    });
    const value = Buffer.alloc(100_000, "x");
    let taken = 0;
    let settled = 0;
    let most = 0;
    const source = async function* (): AsyncGenerator<readonly PairToWrite[], void> {
      for (let i = 0; i < 800; i++) {
        taken += value.byteLength;
        most = Math.max(most, taken - settled);
        yield [pairOf(`k${i}`, value)];
      }
    };
    const pace = { size: { share: 1 / 16, safe: 1 / 16 } };
    for await (const outcomes of writePairs({ ...it.deps, clock: new LongSleeps(), pace }, source()))
      settled += outcomes.length * value.byteLength;
    expect(settled).toBe(taken);
    expect(most).toBeLessThan(36_000_000);
  });

  it("reports a key that never succeeds as unconfirmed, and all others as written", async () => {
    await using it = await openScriptedWrites((pairs, _, response) => {
      const failed = pairs.some((pair) => pair.key === "k7") ? ["k7"] : [];
      answer(response, done(pairs.length, failed));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(20, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    const problems = outcomes.flatMap((outcome) => (outcome.kind === "problem" ? [outcome.problem] : []));
    expect(problems).toMatchObject([{ code: "unconfirmed", subject: "k7" }]);
    expect(outcomes).toHaveLength(20);
    expect(it.sent).toHaveLength(8);
  });

  it.each([
    ["names keys that were not sent", { successful_key_count: 2, unsuccessful_keys: ["other"] }],
    ["counts fewer than it names", { successful_key_count: 1, unsuccessful_keys: [] }],
  ])("believes nothing of an answer that %s", async (_, doubtful) => {
    await using it = await openScriptedWrites((pairs, _request, response, number) =>
      answer(response, number === 0 ? doubtful : done(pairs.length)),
    );
    const outcomes = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1"), pairOf("b", "2")])));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["written", "written"]);
    expect(it.sent).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it.each([["text"], [[]], [true], [{ successful_key_count: "2" }], [{ successful_key_count: -1 }]])(
    "confirms nothing when it is answered with %j",
    async (result) => {
      await using it = await openScriptedWrites((_, _request, response) => answer(response, result));
      const outcomes: unknown[] = [];
      const writing = (async () => {
        for await (const page of writePairs(it.deps, pagesOf([pairOf("a", "1")]))) outcomes.push(...page);
      })();
      expect(await failure(writing)).toMatchObject({ code: "api-malformed" });
      expect(outcomes).toEqual([]);
    },
  );

  it("takes the old answer, which told nothing, for success", async () => {
    await using it = await openScriptedWrites((_pairs, _request, response) => answer(response, null));
    const outcomes = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1")])));
    expect(outcomes[0]?.kind).toBe("written");
  });
});
