// A copy between two namespaces: the source may lag as the destination does, and what it shows tells nothing of the destination.

import { beforeEach, expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import { problem } from "../../../src/core/problem.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica, ReadOutcome, Value } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, valueOf } from "../../support/values.ts";

let clock: FakeClock;
let source: Replica;
let destination: Replica;
let pair: Pair;
/** What reads of the source come to, instead of what it holds; by key. */
let reads: Map<string, (value: Value) => ReadOutcome>;

beforeEach(async () => {
  clock = new FakeClock();
  source = openMemoryReplica({ clock, label: "source" });
  destination = openMemoryReplica({ clock, label: "destination" });
  reads = new Map();
  const lagging = ({ traits }: Replica): Replica["traits"] => ({
    ...traits,
    eventuallyConsistent: true,
    readsCostRequests: true,
  });
  pair = openPair(
    clock,
    {
      ...source,
      traits: lagging(source),
      // Values without a stamp.
      async *list(options) {
        for await (const page of source.list(options))
          yield page.map((entry) => ({ ...entry, fingerprint: undefined }));
      },
      async *read(entries) {
        for await (const page of source.read(entries)) {
          yield page.map((outcome) => {
            const shown = reads.get(outcome.key);
            return shown === undefined || outcome.kind !== "value" ? outcome : shown(outcome.value);
          });
        }
      },
    },
    { ...destination, traits: lagging(destination) },
  );
  await put(source, "before");
  await round(pair);
  await clock.advance(120_000);
});

async function put(replica: Replica, content: string): Promise<Value> {
  const value = valueOf(clock, "k", content);
  await collect(replica.write(pagesOf([{ value, expected: undefined }])));
  return value;
}

async function contentOf(replica: Replica): Promise<string> {
  const entries: Entry[] = await collect(replica.list({ onProblem: () => {} }));
  const [outcome] = await collect(replica.read(pagesOf(entries)));
  return outcome?.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : "";
}

it("a version that the source showed, and that was not written, is not taken for what the destination holds", async () => {
  await put(source, "after");
  // One read shows another version than the next.
  reads.set("k", ({ entry }) => ({
    kind: "problem",
    key: entry.key,
    problem: problem("stale-read", entry.key, "KV is not up to date yet"),
    alsoShown: [{ entry, attributesAreListed: false }],
  }));
  expect(await round(pair)).toMatchObject({ written: 0, failed: 1 });
  reads.clear();
  expect(await round(pair)).toMatchObject({ written: 1 });
  expect(await contentOf(destination)).toBe("after");
});

it("a value of the source that its listing's stamp speaks against counts once it has been shown for a settle window", async () => {
  await put(source, "after");
  reads.set("k", (value) => ({
    kind: "problem",
    key: value.entry.key,
    problem: problem("stale-read", value.entry.key, "is not the value that its stamp is of"),
    alsoShown: [{ entry: value.entry, attributesAreListed: true }],
    unstamped: value,
    isApart: true,
  }));
  expect(await round(pair)).toMatchObject({ written: 0, failed: 1 });
  await clock.advance(30_000);
  expect(await round(pair)).toMatchObject({ written: 0, failed: 1 });
  await clock.advance(31_000);
  expect(await round(pair)).toMatchObject({ written: 1, failed: 0 });
  expect(await contentOf(destination)).toBe("after");
  expect([...pair.base.unsettled().keys(), ...pair.base.ofSource().unsettled().keys()]).not.toContain(keyOf("k"));
});
