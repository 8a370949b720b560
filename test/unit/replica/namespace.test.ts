// What a namespace does beyond the contract of every replica: prefixes, stamps, and values that contradict them.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { encodeStamp, type Stamp } from "../../../src/core/stamp.ts";
import type { KvApi } from "../../../src/kv/kv-api.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import {
  type NamespaceReplicaOptions,
  openNamespaceReplica,
} from "../../../src/replica/namespace/namespace-replica.ts";
import type { ReadOutcome, Replica } from "../../../src/replica/replica.ts";
import { collect, entryOf, keyOf, pagesOf, writeOf } from "../../support/values.ts";
import { openTransfer, type Transfer } from "../kv/transfer-fixture.ts";

let transfer: Transfer;
beforeEach(async () => {
  transfer = await openTransfer();
});
afterEach(() => transfer[Symbol.asyncDispose]());

const open = (options: Partial<NamespaceReplicaOptions> = {}): Replica =>
  openNamespaceReplica({ ...transfer, label: "test:transfer", ...options });

async function list(replica: Replica): Promise<{ readonly entries: Entry[]; readonly problems: Problem[] }> {
  const problems: Problem[] = [];
  const entries = await collect(replica.list({ onProblem: (problem) => problems.push(problem) }));
  return { entries, problems };
}

const put = (key: string, value: string, attributes: { readonly metadata?: string } = {}): Promise<void> =>
  transfer.api.writeValue(transfer.namespaceId, keyOf(key), bodyOfText(value), attributes);

const read = (replica: Replica, entries: readonly Entry[]): Promise<ReadOutcome[]> =>
  collect(replica.read(pagesOf(entries)));

const stampOf = (text: string): Stamp => ({
  fingerprint: fingerprintOf(Buffer.from(text)),
  size: Buffer.byteLength(text),
  binary: false,
});
const stamped = (text: string): string => JSON.stringify({ kvsync: encodeStamp(stampOf(text)), mine: 1 });

it("reads in the background at the priority of a look, and else at that of an edit", async () => {
  await put("k", "1");
  const priorities: unknown[] = [];
  const api: KvApi = {
    ...transfer.api,
    readValue: (id, key, options) => {
      priorities.push(options?.priority);
      return transfer.api.readValue(id, key, options);
    },
  };
  const replica = open({ api });
  const { entries } = await list(replica);
  for (const inBackground of [true, false]) await collect(replica.read(pagesOf(entries), { inBackground }));
  expect(priorities).toEqual(["scan", undefined]);
});

describe("a namespace under a prefix", () => {
  it("has its own keys, and touches no others", async () => {
    await put("other", "1");
    await put("app/existing", "2");
    const replica = open({ prefix: "app/" });
    await collect(replica.write(pagesOf([writeOf(transfer.clock, "a", "3"), writeOf(transfer.clock, "b", "4")])));
    const { entries } = await list(replica);
    expect(entries.map((entry) => entry.key)).toEqual(["a", "b", "existing"]);
    const values = await read(replica, entries);
    expect(
      values.map((outcome) => (outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : "")),
    ).toEqual(expect.arrayContaining(["2", "3", "4"]));
    const removed = await collect(replica.remove(pagesOf(entries)));
    expect(removed.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
      ["a", "removed"],
      ["b", "removed"],
      ["existing", "removed"],
    ]);
    expect(await transfer.names()).toEqual(["other"]);
  });

  it("reports names of which nothing legal is left, and lists the rest", async () => {
    for (const key of ["app/", "app/.", "app/..", "app/x"]) await put(key, "v");
    const { entries, problems } = await list(open({ prefix: "app/" }));
    expect(entries.map((entry) => entry.key)).toEqual(["x"]);
    expect(problems.map((problem) => [problem.code, problem.subject])).toEqual([
      ["key-invalid", "app/"],
      ["key-invalid", "app/."],
      ["key-invalid", "app/.."],
    ]);
  });

  it("refuses keys that are too long with it, and does the rest", async () => {
    const long = "k".repeat(510);
    const replica = open({ prefix: "app/" });
    const writes = [writeOf(transfer.clock, long, "1"), writeOf(transfer.clock, "a", "2")];
    const outcomes = [
      ...(await collect(replica.write(pagesOf(writes)))),
      ...(await collect(replica.write(pagesOf(writes.slice(0, 1))))),
      ...(await read(replica, [entryOf(long, "1")])),
      ...(await collect(replica.remove(pagesOf([entryOf(long, "1")])))),
    ];
    const summary = outcomes.map((outcome) => [
      outcome.key.length,
      outcome.kind === "problem" ? outcome.problem.code : "",
    ]);
    expect(summary.sort()).toEqual([
      [1, ""],
      [510, "key-invalid"],
      [510, "key-invalid"],
      [510, "key-invalid"],
      [510, "key-invalid"],
    ]);
  });
});

describe("a stamp", () => {
  it("makes a listing tell fingerprint, size and kind, and leaves the user's metadata as it was", async () => {
    const replica = open();
    const writes = [
      writeOf(transfer.clock, "text", "hello", { metadata: '{"mine":[1]}' }),
      writeOf(transfer.clock, "binary", Buffer.of(255)),
      writeOf(transfer.clock, "unstampable", "v", { metadata: "[1]" }),
    ];
    const outcomes = await collect(replica.write(pagesOf(writes)));
    const { entries } = await list(replica);
    expect(entries).toEqual([
      { ...entryOf("binary", Buffer.of(255)) },
      { ...entryOf("text", "hello", { metadata: '{"mine":[1]}' }) },
      {
        ...entryOf("unstampable", "v", { metadata: "[1]" }),
        fingerprint: undefined,
        size: undefined,
        binary: undefined,
      },
    ]);
    // What a write says is what a listing then shows.
    const written = outcomes.map((outcome) => (outcome.kind === "written" ? outcome.entry : undefined));
    expect(written).toEqual(expect.arrayContaining(entries));
  });

  it("is left out where that is wished", async () => {
    const replica = open({ stamp: false });
    await collect(replica.write(pagesOf([writeOf(transfer.clock, "a", "hello", { metadata: '{"x":1}' })])));
    const { keys } = await transfer.api.listKeys(transfer.namespaceId, {});
    expect(keys).toEqual([{ name: "a", metadata: { x: 1 } }]);
  });

  it("begins a time to live with the write", async () => {
    const replica = open();
    const [outcome] = await collect(replica.write(pagesOf([writeOf(transfer.clock, "a", "v", { ttlSeconds: 600 })])));
    const { entries } = await list(replica);
    const written = outcome?.kind === "written" ? outcome.entry : undefined;
    expect(written?.ttlSeconds).toBeUndefined();
    expect(Math.abs(written!.expiration! - entries[0]!.expiration!)).toBeLessThanOrEqual(2);
  });
});

describe("reading a namespace", () => {
  it("resolves what a listing could not tell", async () => {
    await put("plain", "text");
    await put("described", "text too", { metadata: '{"b":1,"a":2}' });
    const replica = open();
    const outcomes = await read(replica, (await list(replica)).entries);
    expect(outcomes.map((outcome) => (outcome.kind === "value" ? outcome.value.entry : outcome))).toEqual(
      expect.arrayContaining([
        entryOf("plain", "text"),
        entryOf("described", "text too", { metadata: '{"a":2,"b":1}' }),
      ]),
    );
  });

  it("takes metadata and expiration from where the value came from, if nothing ties them to the listing", async () => {
    await put("a", "old", { metadata: '{"v":1}' });
    const replica = open();
    const { entries } = await list(replica);
    await put("b", "filler");
    await put("a", "new", { metadata: '{"v":2}' });
    const outcomes = await read(replica, [...entries, { ...entries[0]!, key: keyOf("b"), metadata: undefined }]);
    const value = outcomes.find((outcome) => outcome.key === "a");
    expect(value).toMatchObject({ kind: "value", value: { entry: { metadata: '{"v":2}' } } });
  });

  it("tells of each version that it was shown where none is the one that was asked for, or none is left", async () => {
    await put("a", "first", { metadata: stamped("something else") });
    const next = ["second", undefined];
    const api: KvApi = {
      ...transfer.api,
      // The next read is answered by another cache, as of another moment.
      readValue: async (id, key, options) => {
        const value = next.shift();
        if (value === undefined) return undefined;
        await put("a", value, { metadata: stamped("something else") });
        return transfer.api.readValue(id, key, options);
      },
    };
    const replica = open({ api });
    const { entries } = await list(replica);
    const seen = (...texts: string[]) =>
      texts.map((text, i) => ({ entry: { fingerprint: stampOf(text).fingerprint }, attributesAreListed: i > 0 }));
    const fetched = () => collect(replica.fetch!([keyOf("a")]));
    expect(await fetched()).toMatchObject([{ kind: "problem", alsoShown: seen("first", "second") }]);
    expect(entries).toMatchObject([{ fingerprint: stampOf("something else").fingerprint }]);
    expect(await fetched()).toMatchObject([{ kind: "absent", alsoShown: seen("second") }]);
  });

  it("never hands out a value that contradicts the stamp it was listed with", async () => {
    await put("a", "not what the stamp says", { metadata: stamped("something else") });
    await put("b", "fine", { metadata: stamped("fine") });
    const replica = open();
    const before = transfer.api.counts().read;
    const outcomes = await read(replica, (await list(replica)).entries);
    expect(outcomes).toMatchObject([
      { key: "b", kind: "value", value: { entry: { metadata: '{"mine":1}' } } },
      { key: "a", kind: "problem", problem: { code: "stale-read", subject: "a" } },
    ]);
    expect(transfer.api.counts().read - before).toBe(1);
  });

  /** A replica for which `change` happens between the first read of a value and the second. */
  function openChanging(change: () => Promise<void>): Replica {
    let reads = 0;
    const readValue: typeof transfer.api.readValue = async (...args) => {
      if (++reads === 2) await change();
      return transfer.api.readValue(...args);
    };
    return open({ api: { ...transfer.api, readValue } });
  }

  it("looks once more before it calls a value stale", async () => {
    await put("a", "old", { metadata: stamped("new") });
    const replica = openChanging(() => put("a", "new", { metadata: stamped("new") }));
    const outcomes = await read(replica, (await list(replica)).entries);
    expect(outcomes).toMatchObject([{ key: "a", kind: "value" }]);
  });

  it("calls a key absent that is gone at the second look", async () => {
    await put("a", "old", { metadata: stamped("new") });
    const replica = openChanging(() => transfer.api.deleteValue(transfer.namespaceId, keyOf("a")));
    const outcomes = await read(replica, (await list(replica)).entries);
    expect(outcomes).toMatchObject([{ kind: "absent", key: "a" }]);
  });
});

it("a namespace can be asked with a priority of its own", async () => {
  const asked: (string | undefined)[] = [];
  const api = {
    ...transfer.api,
    listKeys: (...args: Parameters<typeof transfer.api.listKeys>) => {
      asked.push(args[2]?.priority);
      return transfer.api.listKeys(...args);
    },
  };
  await list(open({ api, priority: "scrub" }));
  expect(asked).toEqual(["scrub"]);
});
