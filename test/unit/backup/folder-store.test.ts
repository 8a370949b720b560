import { spawn, spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFolderStore } from "../../../src/backup/store/folder-store.ts";
import type { Store } from "../../../src/backup/store/store.ts";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import { systemClock } from "../../../src/core/system-clock.ts";

let parent: string;
let root: string;
let store: Store;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "kvsync-store-"));
  root = join(parent, "backups");
  store = openFolderStore({ clock: systemClock, path: root });
});

afterEach(async () => {
  await store.close();
  rmSync(parent, { recursive: true });
});

const bytes = Buffer.from("twelve bytes");

async function list(prefix = ""): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of store.list(prefix)) names.push(...page.map(({ name }) => name));
  return names;
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("a folder as a store", () => {
  it("lets only its owner see what it holds", async () => {
    await store.putNew("packs/ab/x", bytes);
    expect([root, join(root, "packs"), join(root, "packs/ab")].map(modeOf)).toEqual([0o700, 0o700, 0o700]);
    expect(modeOf(join(root, "packs/ab/x"))).toBe(0o600);
    expect(readdirSync(join(root, "packs/ab"))).toEqual(["x"]);
  });

  it("makes no folder to look for something", async () => {
    expect(await store.get("config.json")).toBeUndefined();
    expect(await list()).toEqual([]);
    await store.now();
    await store.remove("config.json");
    expect(existsSync(root)).toBe(false);
  });

  it("takes its times from the file system", async () => {
    await store.putNew("marks/x", bytes);
    utimesSync(join(root, "marks/x"), 1_000_000, 1_000_000.5);
    expect(await store.head("marks/x")).toMatchObject({ modified: 1_000_000_500 });
  });

  it("removes the temporary files of killed processes when they are old, and no other", async () => {
    await store.putNew("packs/x", bytes);
    const [old, young] = ["old1", "young1"].map((id) => join(root, "packs", tempNameOf(id)));
    const others = ["%tmp-mine", "notes.txt~"].map((name) => join(root, "packs", name));
    for (const path of [old!, young!, ...others]) writeFileSync(path, "part of an object");
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    for (const path of [old!, ...others]) utimesSync(path, twoDaysAgo, twoDaysAgo);
    expect(await list()).toEqual(["packs/x"]);
    expect([old!, young!, ...others].map((path) => existsSync(path))).toEqual([false, true, true, true]);
  });

  it("removes them where it reads the time, too, which nobody lists", async () => {
    await store.putNew("packs/x", bytes);
    const [old, young] = ["old1", "young1"].map((id) => join(root, tempNameOf(id)));
    for (const path of [old!, young!]) writeFileSync(path, "");
    utimesSync(old!, 1_000_000, 1_000_000);
    await store.now();
    expect([old!, young!].map((path) => existsSync(path))).toEqual([false, true]);
  });

  it("tells of an object that was cut", async () => {
    await store.putNew("packs/x", bytes);
    truncateSync(join(root, "packs/x"), 5);
    await expect(store.get("packs/x", { at: 0, length: 12 })).rejects.toMatchObject({
      code: "repository-damaged",
      message: expect.stringContaining("it has 5 bytes"),
    });
    expect(await store.get("packs/x")).toEqual(Buffer.from("twelv"));
  });

  it("goes through no symbolic link inside, and says which is in the way", async () => {
    const outside = join(parent, "outside");
    mkdirSync(join(outside, "ab"), { recursive: true });
    writeFileSync(join(outside, "ab/x"), "secret");
    await store.putNew("config.json", bytes);
    symlinkSync(outside, join(root, "packs"));
    symlinkSync(join(outside, "ab/x"), join(root, "link"));
    const link = { code: "io", message: expect.stringMatching(/symbolic link/) };
    await expect(store.putNew("packs/ab/y", bytes)).rejects.toMatchObject(link);
    await expect(store.get("packs/ab/x")).rejects.toMatchObject(link);
    await expect(store.remove("packs/ab/x")).rejects.toMatchObject(link);
    await expect(list("packs/")).rejects.toMatchObject(link);
    await expect(list()).rejects.toMatchObject(link);
    await expect(store.get("link")).rejects.toMatchObject(link);
    await expect(store.head("link")).rejects.toMatchObject(link);
    await expect(store.putNew("link", bytes)).rejects.toMatchObject(link);
    expect(readdirSync(join(outside, "ab"))).toEqual(["x"]);
    expect(readFileSync(join(outside, "ab/x"), "utf8")).toBe("secret");
  });

  it("may itself be a symbolic link", async () => {
    mkdirSync(join(parent, "disk"));
    symlinkSync(join(parent, "disk"), root);
    await store.putNew("packs/x", bytes);
    expect(await list()).toEqual(["packs/x"]);
    expect(existsSync(join(parent, "disk/packs/x"))).toBe(true);
  });

  it.runIf(process.platform === "linux")("stays in the folder that it began in", async () => {
    await store.putNew("config.json", bytes);
    renameSync(root, join(parent, "moved"));
    mkdirSync(root);
    await store.putNew("packs/x", bytes);
    expect(readdirSync(root)).toEqual([]);
    expect(existsSync(join(parent, "moved/packs/x"))).toBe(true);
  });

  it("fails when it was removed, and does not begin anew", async () => {
    await store.putNew("config.json", bytes);
    rmSync(root, { recursive: true });
    const gone = { code: "io", message: `${root} was removed while it was used` };
    await expect(store.putNew("packs/x", bytes)).rejects.toMatchObject(gone);
    await expect(store.get("config.json")).rejects.toMatchObject(gone);
    await expect(list()).rejects.toMatchObject(gone);
    expect(existsSync(root)).toBe(false);
  });

  it("says what is in the way of an object, or of a folder", async () => {
    mkdirSync(join(root, "config.json"), { recursive: true });
    writeFileSync(join(root, "packs"), "");
    await expect(store.putNew("config.json", bytes)).rejects.toThrow("config.json is no file");
    await expect(store.get("config.json")).rejects.toThrow("config.json is no file");
    await expect(store.putNew("packs/x", bytes)).rejects.toThrow("packs is no folder");
    await expect(store.get("packs/x")).rejects.toThrow("packs is no folder");
    const file = join(root, "packs");
    const wrong = openFolderStore({ clock: systemClock, path: file });
    await expect(wrong.get("config.json")).rejects.toThrow(`${file} is no folder`);
    await expect(wrong.putNew("config.json", bytes)).rejects.toThrow(`${file} is no folder`);
  });

  it.runIf(process.platform === "linux")("waits for no pipe that has the name of an object", async () => {
    await store.putNew("config.json", bytes);
    spawnSync("mkfifo", [join(root, "packs")]);
    await expect(store.get("packs")).rejects.toThrow("packs is no file");
  });

  it.runIf(process.getuid?.() !== 0)("tells what may not be read", async () => {
    await store.putNew("config.json", bytes);
    chmodSync(join(root, "config.json"), 0);
    await expect(store.get("config.json")).rejects.toMatchObject({ code: "io" });
  });
});

it("keeps what it said is written, and nothing by halves, when its process is killed", async () => {
  const script = fileURLToPath(new URL("./put-endlessly.ts", import.meta.url));
  for (let kills = 0; kills < 8; kills++) {
    const child = spawn(process.execPath, [script, root], { stdio: ["ignore", "pipe", "inherit"] });
    const told: string[] = [];
    for await (const name of createInterface(child.stdout)) {
      told.push(name);
      if (told.length === 3 + 2 * kills) child.kill("SIGKILL");
    }
    for (const name of told) expect(existsSync(join(root, name))).toBe(true);
  }
  const names = await list();
  expect(names.length).toBeGreaterThanOrEqual(80);
  for (const name of names) expect(name).toBe(`packs/${hash("sha256", (await store.get(name))!)}`);
});

describe("a folder on a disk that is full", () => {
  const isMounted = (): boolean => {
    mkdirSync(root, { recursive: true });
    return spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]).status === 0;
  };

  it("leaves nothing, neither under a name nor beside it", async (context) => {
    if (!isMounted()) return context.skip();
    try {
      await store.putNew("packs/a", Buffer.alloc(100_000));
      await expect(store.putNew("packs/b", Buffer.alloc(300_000))).rejects.toMatchObject({ code: "disk-full" });
      expect(readdirSync(join(root, "packs"))).toEqual(["a"]);
      expect(await store.putNew("packs/c", bytes)).toBe("written");
    } finally {
      await store.close();
      spawnSync("umount", [root]);
    }
  });

  it("can still be read where nothing can be written", async (context) => {
    if (!isMounted()) return context.skip();
    try {
      await store.putNew("packs/a", bytes);
      writeFileSync(join(root, "packs", tempNameOf("left1")), "");
      spawnSync("mount", ["-o", "remount,ro", root]);
      expect(await list()).toEqual(["packs/a"]);
      expect(await store.get("packs/a")).toEqual(bytes);
      expect(Math.abs((await store.now()) - Date.now())).toBeLessThan(60_000);
      await expect(store.putNew("packs/b", bytes)).rejects.toMatchObject({
        code: "io",
        message: expect.stringContaining("EROFS: read-only file system"),
      });
    } finally {
      await store.close();
      spawnSync("umount", [root]);
    }
  });
});
