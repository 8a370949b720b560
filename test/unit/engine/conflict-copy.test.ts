// A conflict between a real folder and a remote side: both versions are there afterwards, and only one of them is synced.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import { openTreeReplica } from "../../../src/replica/tree/tree-replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, round } from "../../support/round.ts";
import { collect, pagesOf, writeOf } from "../../support/values.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kvsync-conflict-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("the remote keeps the name, and the local version stands beside it", async () => {
  const clock = new FakeClock({ now: Date.now() });
  const tree = openTreeReplica({ clock, root, label: root });
  const remote = openMemoryReplica({ clock, label: "remote" });
  const pair = openPair(clock, tree, remote);
  const sync = () => round(pair, { decide: { twoWay: true, conflict: "keep-both", now: toEpochSeconds(clock.now()) } });
  writeFileSync(join(root, "page.html"), "first");
  await sync();

  writeFileSync(join(root, "page.html"), "mine");
  await collect(remote.write(pagesOf([writeOf(clock, "page.html", "theirs")])));
  expect(await sync()).toMatchObject({ conflicts: 1, failed: 0 });

  const names = readdirSync(root).sort();
  expect(names).toEqual(["page.html", expect.stringMatching(/^page\.html%conflict-/)]);
  expect(names.map((name) => readFileSync(join(root, name), "utf8"))).toEqual(["theirs", "mine"]);
  expect(pair.trashed).toEqual([{ key: "page.html", content: "mine", reason: "replaced" }]);
  expect(await sync()).toMatchObject({ written: 0, removed: 0, unchanged: 1, conflicts: 0 });
  expect(remote.keys()).toEqual(["page.html"]);
});
