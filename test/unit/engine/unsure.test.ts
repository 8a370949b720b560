// Two-way sync over a remote whose answers get lost: nothing is sent a second time before it is known what has become of it.

import { beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import { problem } from "../../../src/core/problem.ts";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { RemoveOutcome, Replica, WriteOutcome } from "../../../src/replica/replica.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, writeOf } from "../../support/values.ts";

/** What becomes of a change whose answer does not come; "refused": there is no answer, and nothing was done. */
type Fate = "applied" | "refused";

let clock: HurriedClock;
let local: MemoryReplica;
let remote: MemoryReplica;
let pair: Pair;
/** Of the next changes of the remote, in order; what is beyond them goes well. */
let fates: Fate[];
/** What somebody does after the remote was changed, and before anybody looks. */
let meanwhile: () => Promise<void>;
/** The keys of each change that was sent, and how long it was allowed to wait; undefined: for ever, and to be sent again. */
let sent: { readonly keys: readonly string[]; readonly withinMs: number | undefined }[];

beforeEach(() => {
  clock = new HurriedClock();
  local = openMemoryReplica({ clock, label: "local" });
  remote = openMemoryReplica({ clock, label: "remote" });
  fates = [];
  sent = [];
  meanwhile = async () => {};
  pair = openPair(clock, local, { ...forgetful(remote), traits: { ...remote.traits, eventuallyConsistent: true } });
});

function forgetful(inner: Replica): Replica {
  const lost = (key: string) => {
    const outcome = { kind: "problem", key: keyOf(key), problem: problem("unconfirmed", key, "was lost") } as const;
    return outcome satisfies WriteOutcome & RemoveOutcome;
  };
  return {
    ...inner,
    async *write(writes, { once } = {}) {
      for await (const page of writes) {
        sent.push({ keys: page.map(({ value }) => value.entry.key), withinMs: once?.withinMs });
        const fate = fates.shift();
        const outcomes = fate === "refused" ? [] : await collect(inner.write(pagesOf(page)));
        if (fate !== undefined) await meanwhile();
        yield fate === undefined ? outcomes : page.map(({ value }) => lost(value.entry.key));
      }
    },
    async *remove(entries, { once } = {}) {
      for await (const page of entries) {
        sent.push({ keys: page.map(({ key }) => key), withinMs: once?.withinMs });
        const fate = fates.shift();
        const outcomes = fate === "refused" ? [] : await collect(inner.remove(pagesOf(page)));
        if (fate !== undefined) await meanwhile();
        yield fate === undefined ? outcomes : page.map(({ key }) => lost(key));
      }
    },
  };
}

async function put(replica: Replica, ...contents: readonly (readonly [key: string, content: string])[]): Promise<void> {
  await collect(replica.write(pagesOf(contents.map(([key, content]) => writeOf(clock, key, content)))));
}

async function drop(replica: Replica, key: string): Promise<void> {
  await collect(replica.remove(pagesOf(await replica.lookup!([keyOf(key)], { onProblem: () => {} }))));
}

async function contentOf(replica: Replica, key: string): Promise<string | undefined> {
  for await (const [outcome] of replica.fetch!([keyOf(key)]))
    return outcome?.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : undefined;
  return undefined;
}

function sync(twoWay = true) {
  const now = toEpochSeconds(clock.now());
  return round(pair, twoWay ? { decide: { twoWay, conflict: "keep-both", now } } : {});
}

describe("a write whose answer is lost", () => {
  it("is not sent again once a look shows that it arrived, and counts as written", async () => {
    await put(local, ["k", "ours"], ["other", "value"]);
    fates = ["applied"];
    expect(await sync()).toMatchObject({ written: 2, unchanged: 0, failed: 0, problems: [] });
    expect(sent).toEqual([{ keys: ["k", "other"], withinMs: 5000 }]);
    expect(await sync()).toMatchObject({ written: 0, unchanged: 2 });
  });

  it("is sent again once a look shows that it did not arrive", async () => {
    await put(local, ["k", "ours"]);
    fates = ["refused", "refused"];
    expect(await sync()).toMatchObject({ written: 1, failed: 0, problems: [] });
    expect(sent).toHaveLength(3);
    expect(await contentOf(remote, "k")).toBe("ours");
  });

  it("that ends a conflict is one conflict, however often it is decided", async () => {
    await put(local, ["k", "before"]);
    await sync();
    await put(local, ["k", "ours"]);
    await put(remote, ["k", "theirs"]);
    fates = ["refused", "refused"];
    const decide = { twoWay: true, conflict: "local", now: toEpochSeconds(clock.now()) } as const;
    expect(await round(pair, { decide })).toMatchObject({ conflicts: 1, written: 1, failed: 0 });
    expect(await contentOf(remote, "k")).toBe("ours");
  });

  it("never goes over what somebody wrote upon it meanwhile", async () => {
    await put(local, ["k", "before"]);
    await sync();
    await put(local, ["k", "ours"]);
    sent = [];
    fates = ["applied"];
    meanwhile = () => put(remote, ["k", "theirs"]);
    expect(await sync()).toMatchObject({ failed: 0, conflicts: 1 });
    expect(sent).toHaveLength(1);
    expect([await contentOf(local, "k"), await contentOf(remote, "k")]).toEqual(["theirs", "theirs"]);
    expect(pair.trashed).toMatchObject([{ key: "k", content: "ours" }]);
  });

  it("is looked at on the remote even if the file is by then as it was before", async () => {
    await put(local, ["k", "before"]);
    await sync();
    await put(local, ["k", "ours"]);
    fates = ["applied"];
    meanwhile = () => put(local, ["k", "before"]);
    expect(await sync()).toMatchObject({ written: 1, failed: 0 });
    expect(await contentOf(remote, "k")).toBe("before");
  });

  it("is left to the next round when looking does not help", async () => {
    await put(local, ["k", "ours"]);
    fates = Array.from({ length: 100 }, () => "refused" as const);
    const result = await sync();
    expect(result).toMatchObject({ written: 0, failed: 1, problems: [{ code: "unconfirmed", subject: "k" }] });
    expect(sent.map(({ withinMs }) => withinMs! / 1000)).toEqual([5, 5, 10, 20, 40, 80, 160, 320, 640]);
    fates = [];
    expect(await sync()).toMatchObject({ written: 1, failed: 0 });
  });

  it("is found in a listing when there are many such", async () => {
    await put(local, ...Array.from({ length: 1500 }, (_, i) => [`k${i}`, `v${i}`] as const));
    fates = ["applied", "refused"];
    expect(await sync()).toMatchObject({ written: 1500, unchanged: 0, failed: 0, problems: [] });
    expect(remote.keys()).toHaveLength(1500);
    expect(await sync()).toMatchObject({ written: 0, unchanged: 1500 });
  });

  it("is the side's to repeat in a one-way round, where the source is the truth", async () => {
    await put(local, ["k", "ours"]);
    await sync(false);
    expect(sent).toEqual([{ keys: ["k"], withinMs: undefined }]);
  });
});

describe("a removal whose answer is lost", () => {
  beforeEach(async () => {
    await put(local, ["k", "value"], ["other", "stays"]);
    await sync();
    await drop(local, "k");
    sent = [];
  });

  it("is not sent again once a look shows that the key is gone, and counts as removed", async () => {
    fates = ["applied"];
    expect(await sync()).toMatchObject({ removed: 1, failed: 0, problems: [] });
    expect(sent).toEqual([{ keys: ["k"], withinMs: 5000 }]);
    expect(remote.keys()).toEqual(["other"]);
  });

  it("is sent again once a look shows the key as it was", async () => {
    fates = ["refused"];
    expect(await sync()).toMatchObject({ removed: 1, failed: 0 });
    expect(remote.keys()).toEqual(["other"]);
  });

  it("is no change of the remote's if the file is back by then", async () => {
    fates = ["applied"];
    meanwhile = () => put(local, ["k", "value"]);
    expect(await sync()).toMatchObject({ failed: 0 });
    expect([await contentOf(local, "k"), await contentOf(remote, "k")]).toEqual(["value", "value"]);
  });

  it("does not take away what somebody put there since", async () => {
    fates = ["applied"];
    meanwhile = () => put(remote, ["k", "theirs"]);
    expect(await sync()).toMatchObject({ removed: 0, failed: 0 });
    expect(sent).toHaveLength(1);
    expect(await contentOf(local, "k")).toBe("theirs");
  });
});
