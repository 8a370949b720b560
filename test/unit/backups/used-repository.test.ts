import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openOrCreateRepository } from "../../../src/backups/used-repository.ts";
import { AppError } from "../../../src/core/errors.ts";
import { sha256Of } from "../../../src/core/fingerprint.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const dir = mkdtempSync(join(tmpdir(), "kvsync-used-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("a repository is to blame for what its own store failed with, whatever the code, and not for what a source did", async () => {
  const path = join(dir, "nightly");
  const place = { store: { kind: "folder", path }, name: undefined, label: "nightly", passphrase: undefined } as const;
  const { signal } = new AbortController();
  const deps = { clock: new FakeClock(), cwd: dir, env: {}, signal, ask: undefined };
  const used = await openOrCreateRepository(deps, place, { isPlain: true });
  const writer = await used.writer();
  await writer.putValue(Buffer.from("a"), sha256Of(Buffer.from("a")));
  rmSync(join(path, "index"), { recursive: true, force: true });
  writeFileSync(join(path, "index"), "no folder any more");
  const error = await writer.finish().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "io" });
  expect(used.isToBlame(error)).toBe(true);
  expect(used.isToBlame(new AppError("io", "told anew", { cause: error }))).toBe(true);
  expect(used.isToBlame(new AppError("io", "of a source"))).toBe(false);
  expect(used.isToBlame(new AppError("network", "of a source"))).toBe(false);
  expect(used.isToBlame(new AppError("repository-damaged", "a page"))).toBe(true);
  await used.close();
});

it("a repository is not made among the objects of another one", async () => {
  const { signal } = new AbortController();
  const deps = { clock: new FakeClock(), cwd: dir, env: {}, signal, ask: undefined };
  const at = (path: string) => {
    const place = { store: { kind: "folder", path: join(dir, path) }, name: undefined, label: path } as const;
    return openOrCreateRepository(deps, { ...place, passphrase: undefined }, { isPlain: true });
  };
  await (await at("outer")).close();
  await expect(at("outer/packs/x")).rejects.toThrow(`outer/packs/x lies in another repository: ${join(dir, "outer")}`);
  await (await at("outer")).close();
});
