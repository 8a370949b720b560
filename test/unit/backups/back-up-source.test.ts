import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { SnapshotSummary } from "../../../src/backup/repository/snapshots.ts";
import { type BackedUp, backUpSource, type KnownSnapshots } from "../../../src/backups/back-up-source.ts";
import { openOrCreateRepository } from "../../../src/backups/used-repository.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { valueOf } from "../../support/values.ts";

const dir = mkdtempSync(join(tmpdir(), "kvsync-back-up-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("a backup goes on without the snapshots before it that somebody forgets meanwhile", async () => {
  const clock = new FakeClock({ now: Date.now() });
  const place = {
    store: { kind: "folder", path: dir },
    name: undefined,
    label: "nightly",
    passphrase: undefined,
  } as const;
  const { signal } = new AbortController();
  const used = await openOrCreateRepository({ clock, cwd: dir, env: {}, signal, ask: undefined }, place, {
    isPlain: true,
  });
  const known: KnownSnapshots = { list: [] };
  const source = {
    replica: await memoryOf(clock, [valueOf(clock, "a", "1")]),
    api: undefined,
    account: undefined,
    namespace: undefined,
    jurisdiction: undefined,
    lacks: undefined,
    identity: { folder: "/memory" },
    filter: null,
    warnings: [],
    place: undefined,
    whenEmpty: async () => "",
  };
  const request = {
    filter: { isManaged: undefined, record: null },
    excludeDefaults: false,
    failEmpty: true,
    tags: [],
    skipUnchanged: false,
    ownOf: (snapshots: readonly SnapshotSummary[]) => snapshots,
    readsAll: false,
  };
  const events = { onProblem: () => {}, onProgress: () => {} };
  const backUp = async (): Promise<BackedUp["stored"]> => {
    await clock.advance(60_000);
    return (await backUpSource({ clock, signal, version: "test", used, known }, source, request, events)).stored;
  };
  const first = await backUp();
  const [second, third] = [await backUp(), await backUp()];
  expect(third).toMatchObject({ parent: second!.id });
  for (const { id } of [second!, third!]) await used.repository.store.remove(`snapshots/${id}`);
  expect(await backUp()).toMatchObject({ complete: true, entries: 1, parent: first!.id });
  await used.close();
});
