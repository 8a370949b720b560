// A file that is read anew when it changes: soon, and only when it has come to rest.

import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { fileOnDisk, type LookedAtFile, watchFile } from "../../../../src/cli/serve/watch-file.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

function watched(file: LookedAtFile) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const changes: number[] = [];
  const watch = watchFile({ clock, signal: stop.signal }, file, file.look(), () => changes.push(clock.monotonic()));
  return { clock, changes, watch, stop: () => stop.abort() };
}

it.each([0, 1, 125, 249])("is read within half a second after it changed, %s ms after a look", async (ms) => {
  let version = "1";
  const { clock, changes } = watched({ look: () => version, read: () => "" });
  await clock.advance(1000 + ms);
  version = "2";
  await clock.advance(500);
  expect(changes).toHaveLength(1);
  await clock.advance(10_000);
  expect(changes).toHaveLength(1);
});

it("is read when it is the same at two looks a tenth of a second apart", async () => {
  let version = 1;
  const { clock, changes } = watched({ look: () => String(version), read: () => "" });
  for (; version < 5; version++) await clock.advance(90);
  const writtenAt = clock.monotonic();
  await clock.advance(1000);
  expect(changes).toHaveLength(1);
  expect(changes[0]! - writtenAt).toBeGreaterThanOrEqual(100 - 90);
});

it("is read on demand, though it is as it was", async () => {
  const { clock, changes, watch, stop } = watched({ look: () => "1", read: () => "" });
  watch.readSoon();
  await clock.advance(1000);
  expect(changes).toHaveLength(1);
  stop();
  await clock.advance(1000);
  expect(clock.sleeping).toBe(0);
});

it("differs when it is written in place, replaced, removed, or when a link in its path moves", () => {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-watch-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const at = (name: string): string => join(dir, name);
  const seen: string[] = [];
  const file = fileOnDisk(at("link"));
  const look = (): void => void seen.push(file.look());
  look();
  writeFileSync(at("a"), "one");
  symlinkSync("a", at("link"));
  look();
  writeFileSync(at("a"), "three");
  look();
  writeFileSync(at("new"), "three");
  renameSync(at("new"), at("a"));
  look();
  writeFileSync(at("b"), "three");
  symlinkSync("b", at("new"));
  renameSync(at("new"), at("link"));
  look();
  rmSync(at("b"));
  look();
  expect(seen[0]).toBe("ENOENT");
  expect(seen.at(-1)).toBe("ENOENT");
  expect(new Set(seen).size).toBe(seen.length - 1);
});
