// What a restore is still to bring back, in many calls, stays in the trash while somebody empties it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { answerTrash } from "../../../src/daemon/control/answer-trash.ts";
import { parseRequest } from "../../../src/daemon/control/parse-request.ts";
import type { ControlAnswers, TrashRequest } from "../../../src/daemon/control/protocol.ts";
import { type Journal, openJournal } from "../../../src/journal/journal.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { openTrash } from "../../../src/journal/trash.ts";
import { mappingOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { valueOf } from "../../support/values.ts";

const DAY = 86_400_000;

let stateDir: string;
let folder: string;
let clock: FakeClock;
let journal: Journal;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-answer-"));
  folder = join(stateDir, "app");
  mkdirSync(folder);
  clock = new FakeClock();
  journal = openJournal({ stateDir, clock });
  const trash = openTrash(journal, { clock, stateDir, mapping: "app" });
  const values = ["a", "b", "c"].map((key) => valueOf(clock, key, `value of ${key}`));
  await trash.save(values, { reason: "replaced", side: folder });
});

afterEach(() => {
  journal.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function ask<O extends TrashRequest["op"]>(request: Extract<TrashRequest, { op: O }>): Promise<ControlAnswers[O]> {
  const config = { mappings: [mappingOf({ folder })] } as unknown as Config;
  const deps = { clock, journal, stateDir, config: () => config, roundBegan: () => undefined, onEvent: () => {} };
  return answerTrash(parseRequest(JSON.stringify(request)) as TrashRequest, deps) as Promise<ControlAnswers[O]>;
}

const kept = (): readonly string[] =>
  openTrashIndex(journal, stateDir)
    .list({ limit: 10 })
    .map(({ key }) => key as string);

it("what a restore needs is there for its last call, and goes when that is done", async () => {
  expect(await ask({ op: "trash-need", ids: [1, 3, 9] })).toEqual({ missing: [9] });
  await ask({ op: "trash-restore-many", ids: [1], replace: true });
  expect(await ask({ op: "trash-empty" })).toMatchObject({ items: 2, stay: 0, needed: 1 });
  await ask({ op: "trash-restore-many", ids: [3], replace: true });
  expect(readFileSync(join(folder, "c"), "utf8")).toBe("value of c");
  expect(await ask({ op: "trash-empty" })).toMatchObject({ items: 1, needed: 0 });
  expect(kept()).toEqual([]);
});

it("what a restore needs goes for no lack of room, either", async () => {
  await clock.advance(2 * DAY);
  await ask({ op: "trash-need", ids: [2] });
  openTrashIndex(journal, stateDir).prune("app", { keepMs: 90 * DAY, maxBytes: 0 }, clock);
  expect(kept()).toEqual(["b"]);
});

it("a restore that was killed keeps the trash from being emptied for some minutes", async () => {
  await ask({ op: "trash-need", ids: [1, 2, 3] });
  await clock.advance(600_000);
  expect(await ask({ op: "trash-empty" })).toMatchObject({ items: 0, needed: 3 });
  await clock.advance(600_000);
  expect(await ask({ op: "trash-empty" })).toMatchObject({ items: 3, needed: 0 });
});
