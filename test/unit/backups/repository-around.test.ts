// Where a folder lies: in a repository of backups, whichever way it is named, or in none.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { idOfName, packName } from "../../../src/backup/format/object-names.ts";
import { repositoryAround } from "../../../src/backups/repository-around.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "kvsync-around-")));
afterAll(() => rmSync(dir, { recursive: true }));
mkdirSync(join(dir, "repo", "packs"), { recursive: true });
writeFileSync(join(dir, "repo", "config.json"), '{"kvsync":"repository"}');
mkdirSync(join(dir, "files"));
writeFileSync(join(dir, "files", "config.json"), "{}");
symlinkSync(join(dir, "repo", "packs"), join(dir, "link"));

test.each([
  ["repo", "repo"],
  ["repo/packs/x", "repo"],
  ["link", "repo"],
  ["link/not/yet/there", "repo"],
  ["files", undefined],
  ["not/there", undefined],
])("%s lies in %s", (path, expected) => {
  expect(repositoryAround(join(dir, path))).toBe(expected === undefined ? undefined : join(dir, expected));
});

test("objects of a repository that lies among those of another are none of its own", () => {
  const id = "ab".repeat(32);
  expect([packName(id), `index/${id}`, `snapshots/${id}`, `marks/${id}`].map(idOfName)).toEqual([id, id, id, id]);
  expect([`packs/x/${packName(id)}`, `packs/x/index/${id}`, `packs/cd/${id}`].map(idOfName)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
