import { expect, test } from "vitest";
import { openRootHash } from "../../../src/core/content-root.ts";
import { sha256Of } from "../../../src/core/fingerprint.ts";
import { encodeStamp } from "../../../src/core/stamp.ts";
import { type ListedKey, type Operation, OPERATIONS, type RequestCounts } from "../../../src/kv/kv-api.ts";
import { listAllKeys } from "../../../src/kv/list-all-keys.ts";
import { collect, entryOf, writeOf } from "../../support/values.ts";
import {
  type Account,
  EXPIRES_AT,
  lineOf,
  manyWrites,
  nameOf,
  openTwoAccounts,
  SETTLE_WINDOW_MS,
} from "./two-accounts.ts";

function spent(before: RequestCounts, after: RequestCounts): Partial<Record<Operation, number>> {
  const names = OPERATIONS.filter((name) => after[name] > before[name]);
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]]));
}

test("what was copied is proved equal by one listing of each side, and no value is read", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll(manyWrites(clock, 1500));
  await accounts.copy();
  const before = [source, destination].map(({ api }) => api.counts());
  const proof = await accounts.prove();
  expect(proof).toMatchObject({
    verdict: "equal",
    keys: { source: 1500, destination: 1500 },
    counts: { equal: 1500, missing: 0, extra: 0, expired: 0 },
    equalBy: { stamps: 0, noted: 1500, read: 0, "looked-at": 0 },
    findings: [],
  });
  expect(proof.root.source).toMatch(/^[0-9a-f]{64}$/);
  expect(proof.root.destination).toBe(proof.root.source);
  expect([source, destination].map(({ api }, index) => api.counts().total - before[index]!.total)).toEqual([2, 2]);
  expect(clock.slept).toEqual([]);
});

test("what was changed at the destination on purpose is named, with what of it was changed, and nothing else", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll([...manyWrites(clock, 1500), writeOf(clock, "session", "s", { expiration: 1_800_000_600 })]);
  await accounts.copy();
  await clock.sleep(700_000);
  await destination.put(nameOf(1001), "value 1002");
  await destination.put(nameOf(999), "value 999", { metadata: '{"n":1000}' });
  await destination.put(nameOf(1000), "value 1000", { expiration: EXPIRES_AT + 1 });
  await destination.remove(nameOf(1401));
  await destination.put("user:zzz", "new");
  const before = [source, destination].map(({ api }) => api.counts());
  const expected = [
    `${nameOf(1401)} missing at destination`,
    `${nameOf(1001)} value (value) at destination`,
    `${nameOf(999)} metadata (metadata) at destination`,
    `${nameOf(1000)} expiration (expiration)`,
    "user:zzz extra",
  ];
  const proof = await accounts.prove();
  expect(proof.findings.map(lineOf)).toEqual([...expected, "session expired"]);
  expect(proof).toMatchObject({
    verdict: "different",
    counts: { equal: 1496, missing: 1, value: 1, metadata: 1, expiration: 1, extra: 1, expired: 1 },
  });
  expect(proof.root.destination).not.toBe(proof.root.source);
  // Direct reads only of what differs: beside the listings, one bulk get of each side. The value that lost its stamp is read first.
  expect([source, destination].map(({ api }, index) => spent(before[index]!, api.counts()))).toEqual([
    { list: 2, bulkGet: 1 },
    { list: 2, bulkGet: 1, read: 1 },
  ]);
  // From the two sides alone, without what is known of the copy: by whose hand they differ is not known then.
  const alone = await accounts.prove({ copied: undefined });
  expect(alone.findings.map(lineOf)).toEqual(expected.map((line) => line.replace(" at destination", "")));
  expect(alone.root).toEqual(proof.root);
});

test("a value that was replaced under its stamp is found where values are read, and only there", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll(manyWrites(clock, 300));
  await accounts.copy();
  const { fingerprint, size } = entryOf("k", "value 7");
  const metadata = JSON.stringify({ kvsync: encodeStamp({ fingerprint: fingerprint!, size: size!, binary: false }) });
  await destination.put(nameOf(7), "value 8", { metadata });
  expect((await accounts.prove()).verdict).toBe("equal");
  for (const verify of [{ kind: "values" }, { kind: "sample", share: 1, seed: "x" }] as const) {
    const proof = await accounts.prove({ verify });
    expect(proof.findings.map(lineOf)).toEqual([`${nameOf(7)} value (value) at destination`]);
    expect(proof).toMatchObject({ verdict: "different", sampled: 299, counts: { equal: 299 } });
    expect(proof.root.destination).not.toBe(proof.root.source);
  }
});

test("a key that the source deleted just after the copy is named, though the destination's listing does not show it yet", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.put("stays", "1");
  await source.put("goes", "2");
  destination.server.setFaults({ settle: { seconds: 60, probability: 1, spread: false, reads: false } });
  await accounts.copy();
  await source.remove("goes");
  expect((await accounts.prove()).findings.map(lineOf)).toEqual(["goes changed-since at source"]);
  // It was copied long ago, and both sides have been without it for as long.
  await destination.remove("goes");
  await clock.sleep(2 * SETTLE_WINDOW_MS);
  const later = await accounts.prove();
  expect([later.findings, later.lookedAt]).toEqual([[], 0]);
});

test("a sample is about as large as it is to be, and the same for the same seed", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll(manyWrites(clock, 1500));
  await accounts.copy();
  const before = destination.api.counts();
  const sample = { kind: "sample", share: 0.1, seed: "5f2a" } as const;
  const proof = await accounts.prove({ verify: sample });
  expect(proof).toMatchObject({ verdict: "equal", verify: "sample=10%", seed: "5f2a" });
  expect(proof.sampled).toBeGreaterThan(100);
  expect(proof.sampled).toBeLessThan(200);
  expect(proof.equalBy).toEqual({ stamps: 0, noted: 1500 - proof.sampled, read: proof.sampled, "looked-at": 0 });
  expect((await accounts.prove({ verify: sample })).sampled).toBe(proof.sampled);
  expect(destination.api.counts().bulkGet - before.bulkGet).toBe(2 * Math.ceil(proof.sampled / 100));
});

test("where the destination has no stamps its values are read, and those of the source are known from the copy", async () => {
  await using accounts = await openTwoAccounts({ stamp: false });
  const { clock, source, destination } = accounts;
  await source.putAll(manyWrites(clock, 500));
  await accounts.copy();
  await destination.put(nameOf(3), "other 3", { metadata: '{"n":3}' });
  const before = [source, destination].map(({ api }) => api.counts().bulkGet);
  const proof = await accounts.prove();
  expect(proof.findings.map(lineOf)).toEqual([`${nameOf(3)} value (value) at destination`]);
  expect(proof.equalBy).toEqual({ stamps: 0, noted: 0, read: 499, "looked-at": 0 });
  expect([source, destination].map(({ api }, index) => api.counts().bulkGet - before[index]!)).toEqual([1, 5 + 1]);
  const alone = await accounts.prove({ copied: undefined });
  expect(alone.findings.map(lineOf)).toEqual([`${nameOf(3)} value (value)`]);
});

test("the root of values is the content root of the namespace, as of an archive of it", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source } = accounts;
  const writes = manyWrites(clock, 1500);
  await source.putAll(writes);
  await accounts.copy();
  const root = openRootHash();
  for (const { value } of writes) {
    const { key, metadata, expiration } = value.entry;
    root.add({ key, sha256: sha256Of(value.bytes), size: value.bytes.byteLength, metadata, expiration });
  }
  const expected = root.digest();
  expect((await accounts.prove({ verify: { kind: "values" } })).root).toEqual({
    kind: "values",
    source: expected,
    destination: expected,
  });
  // Also where a key is pending at first.
  await source.put(nameOf(10), "late");
  const late = await accounts.prove({ verify: { kind: "values" } });
  expect(late.root.destination).toBe(expected);
  expect(late.root.source).not.toBe(expected);
});

test("keys that were left out on purpose, and those that the destination held before, are no failure", async () => {
  await using accounts = await openTwoAccounts();
  const { clock, source, destination } = accounts;
  await source.putAll(manyWrites(clock, 10));
  await destination.put("before", "1");
  await accounts.copy();
  await source.put("tmp/1", "1");
  const proof = await accounts.prove({
    mayHoldMore: true,
    excludedBecause: (key) => (key.startsWith("tmp/") ? "matches --exclude tmp/" : undefined),
  });
  expect(proof.findings.map(lineOf)).toEqual(["before extra", "tmp/1 excluded"]);
  expect(proof).toMatchObject({ verdict: "equal", keys: { source: 10, destination: 11 } });
  expect(proof.root.source).toBe(proof.root.destination);
  expect((await accounts.prove()).verdict).toBe("different");
});

/** What a side holds in truth. */
async function heldBy(
  { server, api, namespaceId }: Account,
  clock: Parameters<typeof listAllKeys>[0]["clock"],
): Promise<ReadonlyMap<string, string>> {
  server.setFaults({});
  const held = new Map<string, string>();
  const listed: readonly ListedKey[] = await collect(listAllKeys({ clock, api }, { namespaceId }));
  for (let at = 0; at < listed.length; at += 100) {
    const names = listed.slice(at, at + 100).map(({ name }) => name as never);
    for (const [key, value] of await api.bulkGet(namespaceId, names))
      held.set(key, Buffer.from(value!.bytes!).toString());
  }
  return held;
}

test.each([1, 2, 3])(
  "programs write and delete all along, and both sides lag: what was only late is equal, what was written since is named (seed %i)",
  async (seed) => {
    await using accounts = await openTwoAccounts({ seed });
    const { clock, source, destination } = accounts;
    await source.putAll(manyWrites(clock, 200));
    for (const { server } of [source, destination]) server.setFaults({ seed, settle: { seconds: 60 } });
    const written: string[] = [];
    const writeSome = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const key = nameOf(Math.floor(clock.random() * 250));
        written.push(key);
        if (clock.random() < 0.3) await source.remove(key);
        else await source.put(key, `written ${seed} ${written.length}`);
        await clock.sleep(300 + clock.random() * 1000);
      }
    };
    for (let i = 0; i < 4; i++) await Promise.all([accounts.copy(), writeSome(12)]);
    // Whoever cuts over lets the last writes settle before the last round.
    await clock.sleep(SETTLE_WINDOW_MS + 1000);
    await accounts.copy();
    written.length = 0;
    const proofs = [await accounts.prove()];
    expect(proofs[0]!.findings.map(lineOf)).toEqual([]);
    expect(proofs[0]!.root.source).toBe(proofs[0]!.root.destination);
    // Somebody has not stopped: neither before the proof, nor during it.
    await writeSome(5);
    const [during] = await Promise.all([accounts.prove(), writeSome(20)]);
    for (const { key, class: as } of during.findings)
      expect([as, written.includes(key)]).toEqual(["changed-since", true]);
    await clock.sleep(SETTLE_WINDOW_MS + 1000);
    // Programs write no stamps: whether they kept metadata and expiration, too, only the values tell.
    const after = await accounts.prove({ verify: { kind: "values" } });
    const [atSource, atDestination] = [await heldBy(source, clock), await heldBy(destination, clock)];
    const differing = [...new Set([...atSource.keys(), ...atDestination.keys()])].filter(
      (key) => atSource.get(key) !== atDestination.get(key),
    );
    expect(differing.length).toBeGreaterThan(3);
    expect(after.findings.map(lineOf).sort()).toEqual(
      differing.sort().map((key) => expect.stringMatching(`^${key} changed-since .*at source$`)),
    );
    expect(after.verdict).toBe("changed-since");
  },
);
