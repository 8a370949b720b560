import { describe, expect, it } from "vitest";
import { findSnapshot, parseSnapshotChoice } from "../../../../src/backup/repository/find-snapshot.ts";
import type { Snapshot } from "../../../../src/backup/repository/repository.ts";
import { listSnapshots, readSnapshot, writeSnapshot } from "../../../../src/backup/repository/snapshots.ts";
import { makeRepository, openRun, SNAPSHOT } from "../../../support/repository-fixture.ts";

describe("what stands behind the @ of a snapshot's location", () => {
  const local = (year: number, month: number, ...rest: number[]) =>
    new Date(year, month, ...(rest as [number, number, number, number, number])).getTime();
  it.each([
    ["latest", { kind: "latest" }],
    ["3f0a", { kind: "id", prefix: "3f0a" }],
    ["3F0A99", { kind: "id", prefix: "3f0a99" }],
    ["20261101", { kind: "id", prefix: "20261101" }],
    ["3f0", undefined],
    ["2026-11-01", { kind: "time", until: local(2026, 10, 2) - 1 }],
    ["2026-11-01T12:00", { kind: "time", until: local(2026, 10, 1, 12, 1) - 1 }],
    ["2026-11-01 12:00", { kind: "time", until: local(2026, 10, 1, 12, 1) - 1 }],
    ["2026-11-01T12:00:07", { kind: "time", until: local(2026, 10, 1, 12, 0, 8) - 1 }],
    ["2026-11-01T12:00:07.25", { kind: "time", until: local(2026, 10, 1, 12, 0, 7, 250) }],
    ["2026-11-01T12:00Z", { kind: "time", until: Date.UTC(2026, 10, 1, 12, 1) - 1 }],
    ["2026-11-01T12:00:00.000Z", { kind: "time", until: Date.UTC(2026, 10, 1, 12) }],
    ["2026-11-01T12:00+02:00", { kind: "time", until: Date.UTC(2026, 10, 1, 10, 1) - 1 }],
    ["2026-02-30", undefined],
    ["2026-13-01", undefined],
    ["2026-11-01T24:30", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ])("%s", (text, choice) => expect(parseSnapshotChoice(text)).toEqual(choice));
});

const at = (minute: number, more: Partial<Snapshot> = {}): Snapshot => ({
  ...SNAPSHOT,
  created: `2026-11-28T12:${minute}:30.000Z`,
  // By the clock of a machine that is a day behind.
  listed: [`2026-11-27T12:${minute}:00.000Z`, `2026-11-27T12:${minute}:20.000Z`],
  ...more,
});
const other = { ...SNAPSHOT.source, namespace: "another", title: "other", label: "prod:other" };

async function repositoryOf(snapshots: readonly Snapshot[]) {
  const fixture = await makeRepository();
  const run = await openRun(fixture);
  await run.writer.finish();
  const ids: string[] = [];
  for (const snapshot of snapshots) ids.push((await writeSnapshot(fixture.repository, run.writer, snapshot)).id);
  await run.close();
  return { ...fixture, ids };
}

describe("a snapshot is found", () => {
  const all = [
    at(10),
    at(20),
    at(30, { complete: false }),
    at(40, { source: other }),
    at(50, { complete: false, listed: ["2026-11-28T12:50:00.000Z", undefined] }),
  ];
  it.each([
    ["latest", "app-config", 1],
    ["latest", "prod:other", 3],
    ["latest", "0f2ac74b498b48028cb68387c421e279", 1],
    ["2026-11-28T12:20:29Z", "app-config", 0],
    ["2026-11-28T12:20:30Z", "app-config", 1],
    ["2026-11-28T12:35Z", "app-config", 1],
    ["latest", "none", "memory has no snapshot of none"],
    [
      "2026-11-28T12:09Z",
      "app-config",
      "memory has no complete snapshot of app-config of that time: its oldest is of 2026-11-28T12:10:30.000Z",
    ],
    [
      "latest",
      undefined,
      "memory has snapshots of 2 sources: name one as REPO@latest:NAMESPACE (prod:app-config, prod:other)",
    ],
    ["0123456789", undefined, "memory has no snapshot 0123456789"],
    ["soon", undefined, "memory has no snapshot soon: that is no time and no id"],
  ])("%s of %s: %s", async (which, namespace, expected) => {
    const { repository, ids } = await repositoryOf(all);
    const found = await findSnapshot(repository, which, namespace).then(
      ({ id }) => ids.indexOf(id),
      (error: Error) => error.message,
    );
    expect(found).toBe(expected);
  });

  it("by the beginning of its id, and not by one that several have", async () => {
    const { repository, ids } = await repositoryOf([at(10), at(20), at(30, { complete: false })]);
    for (const [i, id] of ids.entries()) {
      const snapshot = await findSnapshot(repository, id.slice(0, 16));
      expect(snapshot.listed).toEqual([at(10), at(20), at(30)][i]!.listed);
      expect(await readSnapshot(repository, id)).toEqual(snapshot);
    }
    expect((await findSnapshot(repository, ids[0]!, "app-config")).id).toBe(ids[0]);
    await expect(findSnapshot(repository, ids[0]!, "other")).rejects.toThrow(
      "and that is of prod:app-config, not of other",
    );
    await expect(readSnapshot(repository, "")).rejects.toThrow('memory has 3 snapshots whose ids begin with "":');
  });

  it("not, if all are incomplete", async () => {
    const { repository } = await repositoryOf([at(10, { complete: false })]);
    await expect(findSnapshot(repository, "latest")).rejects.toThrow("memory has no complete snapshot");
  });

  it("of all keys of a namespace, where others are of some of them", async () => {
    const part = { filter: { prefix: "", include: [], exclude: ["a*"] } };
    const ofPrefix = { source: { ...SNAPSHOT.source, prefix: "eu/" } };
    const { repository, ids } = await repositoryOf([at(10), at(20), at(30, part), at(40, ofPrefix)]);
    expect((await findSnapshot(repository, "latest")).id).toBe(ids[1]);
    expect((await findSnapshot(repository, "2026-11-28T12:15Z", "app-config")).id).toBe(ids[0]);
  });

  it("of all files of a folder but those that are always left out, where others are of some of them", async () => {
    const filter = { prefix: "", include: [], exclude: [], excludeDefaults: true };
    const { repository, ids } = await repositoryOf([
      at(10, { filter }),
      at(20, { filter: { ...filter, prefix: "a" } }),
    ]);
    expect((await findSnapshot(repository, "latest")).id).toBe(ids[0]);
  });

  it("not by a namespace alone, if all are of parts of it", async () => {
    const parts = [{ filter: { include: ["b*"] } }, { filter: { include: ["a*"] } }];
    const { repository } = await repositoryOf([at(10, parts[0]), at(20, parts[1])]);
    await expect(findSnapshot(repository, "latest")).rejects.toThrow(
      "memory has snapshots of 2 sources, some of parts of a namespace only: name one by its id",
    );
  });
});

it("a snapshot that the store shows and does not give is told, and one that was removed meanwhile is not", async () => {
  const { repository, store, ids } = await repositoryOf([at(10), at(20)]);
  const blind = { ...store, get: async (name: string) => (name.endsWith(ids[0]!) ? undefined : store.get(name)) };
  const { snapshots, problems } = await listSnapshots({ ...repository, store: blind });
  expect(snapshots.map(({ id }) => id)).toEqual([ids[1]]);
  expect(problems).toEqual([
    `memory shows snapshots/${ids[0]}, and did not give it: it may have been forgotten a moment ago`,
  ]);
  const racing = {
    ...blind,
    get: async (name: string) => {
      if (name.endsWith(ids[0]!)) store.objects.delete(name);
      return blind.get(name);
    },
  };
  expect((await listSnapshots({ ...repository, store: racing })).problems).toEqual([]);
});

it("a damaged snapshot is told, and the others are listed in the order of their times", async () => {
  const { repository, store, ids } = await repositoryOf([at(20), at(10), at(30)]);
  const name = `snapshots/${ids[2]}`;
  const { bytes, modified } = store.objects.get(name)!;
  store.objects.set(name, { bytes: bytes.map((byte, i) => (i === 20 ? byte ^ 1 : byte)), modified });
  const { snapshots, problems } = await listSnapshots(repository);
  expect(snapshots.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
  expect(problems).toEqual([`${name} is not as it was written`]);
});
