import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { namesRepository } from "../../../../src/cli/backup/names-repository.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-names-repository-"));
  for (const folder of ["whole", "lost/packs", "lost/snapshots", "files/packs", "lost@mine"])
    mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, "whole", "config.json"), "{}");
});
afterAll(() => rmSync(dir, { recursive: true }));

it.each([
  ["./whole", "latest", true],
  ["~/whole", "latest", true],
  // Its config.json is gone: that is what has to be told, and not that there is no folder.
  ["./lost", "latest", true],
  ["./lost", "mine", false],
  ["./files", "latest", false],
  ["./none", "latest", false],
  ["vault", "latest", true],
  ["s3://bucket/x", "latest", true],
])("%s before @%s names a repository: %s", (text, which, expected) => {
  const names = new Set(["vault"]);
  expect(namesRepository(text, `${text}@${which}`, { cwd: dir, home: dir, names })).toBe(expected);
});
