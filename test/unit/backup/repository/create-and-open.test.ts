import { beforeAll, describe, expect, it } from "vitest";
import { addPassphrase, createRepository } from "../../../../src/backup/repository/create-repository.ts";
import { openRepository } from "../../../../src/backup/repository/open-repository.ts";
import type { Store } from "../../../../src/backup/store/store.ts";
import { writeSnapshot } from "../../../../src/backup/repository/snapshots.ts";
import { AppError } from "../../../../src/core/errors.ts";
import { sha256Of } from "../../../../src/core/fingerprint.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";
import { makeRepository, openRun, putValues, readValues, SNAPSHOT } from "../../../support/repository-fixture.ts";

const clock = new FakeClock();
const say = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) =>
      error instanceof AppError ? `${error.code}: ${error.message}` : `not an AppError: ${String(error)}`,
  );
const open = (store: Store, passphrase?: string) => openRepository(store, { passphrase: async () => passphrase });
const put = (store: MemoryStore, name: string, text = "") =>
  store.objects.set(name, { bytes: Buffer.from(text), modified: clock.now() });

describe("a place is refused", () => {
  const id = "0".repeat(64);
  it.each([
    ["to be opened", "that is empty", [], "repository-refused: memory has no repository"],
    [
      "to be opened",
      "that holds other files",
      ["holiday.jpg"],
      "repository-refused: memory holds other files, and is no repository",
    ],
    [
      "to be made one",
      "that holds other files",
      ["keys/1", "a/holiday.jpg"],
      "repository-refused: memory holds other files, and is no repository",
    ],
    [
      "to be opened",
      "that has lost its config",
      [`packs/00/${id}`],
      "repository-damaged: config.json of memory is missing",
    ],
    [
      "to be made one",
      "that has lost its config",
      [`snapshots/${id}`],
      "repository-damaged: config.json of memory is missing",
    ],
    ["to be made one", "that is one", ["config.json"], "repository-refused: memory is a repository already"],
    [
      "to be opened",
      "whose config is empty",
      ["config.json"],
      "repository-damaged: config.json of memory is not as it was written",
    ],
  ])("%s %s", async (what, _, names, expected) => {
    const store = openMemoryStore(clock);
    for (const name of names) put(store, name);
    const work = what === "to be opened" ? open(store) : createRepository(store, { passphrase: undefined, clock });
    expect(await say(work)).toBe(expected);
    expect([...store.objects.keys()]).toEqual(names);
  });

  it("that is of a newer version", async () => {
    const store = openMemoryStore(clock);
    const text = '{"kvsync":"repository","version":2,"compression":"of 2031"';
    put(store, "config.json", `${text},"sha256":"${sha256Of(Buffer.from(text))}"}\n`);
    expect(await say(open(store))).toBe("repository-refused: memory is a repository of a newer version of kvsync");
  });
});

describe("an encrypted repository", () => {
  let store: MemoryStore;
  beforeAll(async () => {
    ({ store } = await makeRepository({ passphrase: "Über 9000" }));
  });
  const keyOf = (): string => [...store.objects.keys()].find((name) => name.startsWith("keys/"))!;
  const without = (...names: string[]): MemoryStore => {
    const copy = openMemoryStore(clock);
    for (const [name, object] of store.objects) if (!names.includes(name)) copy.objects.set(name, object);
    return copy;
  };

  it("opens with its passphrase, however that is composed", async () => {
    expect(await say(open(store, "Über 9000"))).toBe("done");
    expect(await say(open(store, "U\u0308ber 9000"))).toBe("done");
  });

  it("does not open otherwise, and says why in a line", async () => {
    expect(await say(open(store, "über 9000"))).toBe("repository-refused: the passphrase does not open memory");
    await expect(open(store)).rejects.toMatchObject({
      message: "memory is encrypted, and no passphrase was given",
      hint: expect.stringContaining("set KVSYNC_PASSPHRASE_FILE") as string,
    });
    expect(await say(open(without(keyOf()), "Über 9000"))).toBe(
      "repository-damaged: memory is encrypted, and its keys/ are gone: nothing in it can be read without them",
    );
    const damaged = without(keyOf());
    put(damaged, keyOf(), Buffer.from(store.objects.get(keyOf())!.bytes).toString("latin1").replace("argon", "Argon"));
    expect(await say(open(damaged, "Über 9000"))).toBe(
      `repository-damaged: ${keyOf()} of memory is not as it was written`,
    );
  });

  it("does not open with the key of another one", async () => {
    const other = await makeRepository({ passphrase: "Über 9000" });
    const mixed = without("config.json");
    mixed.objects.set("config.json", other.store.objects.get("config.json")!);
    expect(await say(open(mixed, "Über 9000"))).toBe("repository-refused: the passphrase does not open memory");
  });

  it("opens with a passphrase that was added, and reads the same", async () => {
    const fixture = await makeRepository({ passphrase: "one" });
    const values = [Buffer.from("a"), Buffer.from("b")];
    await putValues(fixture, values);
    const { repository } = fixture;
    const refused = addPassphrase(fixture.store, { repository, passphrase: "none", added: "two", clock });
    expect(await say(refused)).toBe("repository-refused: the passphrase does not open memory");
    await addPassphrase(fixture.store, { repository, passphrase: "one", added: "two", clock });
    for (const passphrase of ["one", "two"]) {
      const opened = await open(fixture.store, passphrase);
      expect(await readValues({ clock, repository: opened }, values)).toEqual(values.map(sha256Of));
    }
  });

  it("shows nothing of what is in it", async () => {
    const fixture = await makeRepository({ passphrase: "a secret phrase" });
    const run = await openRun(fixture);
    const value = Buffer.from("a value that nobody is to see ".repeat(20));
    const page = Buffer.from(`{"key":"a key that nobody is to see","sha256":"${sha256Of(value)}","size":1}\n`);
    await run.writer.putValue(value, sha256Of(value));
    await run.writer.putPage(page, sha256Of(page), undefined);
    await run.writer.finish();
    await writeSnapshot(fixture.repository, run.writer, { ...SNAPSHOT, pages: [{ id: sha256Of(page), entries: 1 }] });
    await run.close();
    const forms = (bytes: Buffer) => [bytes.toString("latin1"), bytes.toString("hex"), bytes.toString("base64url")];
    const secrets = ["nobody", "app-config", "kvsync test", "prod", SNAPSHOT.source.accountId!, "a secret phrase"];
    for (const item of [value, page]) secrets.push(...forms(Buffer.from(sha256Of(item), "hex").subarray(0, 16)));
    const all = [...fixture.store.objects]
      .map(([name, { bytes }]) => `${name} ${Buffer.from(bytes).toString("latin1")}`)
      .join("\n");
    expect(all.length).toBeGreaterThan(1000);
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
    // The same in a repository that is not encrypted is seen: the search can find something.
    const plain = await makeRepository();
    await putValues(plain, [Buffer.from("nobody")]);
    expect([...plain.store.objects.values()].some(({ bytes }) => Buffer.from(bytes).includes("nobody"))).toBe(true);
  });
});

describe("of two who make a repository in one place at once", () => {
  /** All calls of one creator wait before config.json is written until the other one is there too. */
  const meet = (store: MemoryStore, options: { readonly takesConditions: boolean }): (() => Store) => {
    let waiting: (() => void)[] = [];
    return () => ({
      ...store,
      async putNew(name, bytes) {
        if (name === "config.json") {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
            if (waiting.length === 2) for (const go of waiting) go();
          });
          if (!options.takesConditions) store.objects.delete(name);
        }
        return store.putNew(name, bytes);
      },
    });
  };

  it.each([undefined, "a passphrase"])("one is refused, and the other's opens (passphrase %s)", async (passphrase) => {
    const store = openMemoryStore(clock);
    const creator = meet(store, { takesConditions: true });
    const said = await Promise.all([1, 2].map(async () => say(createRepository(creator(), { passphrase, clock }))));
    expect(said.toSorted()).toEqual(["done", "repository-refused: memory is a repository already"]);
    expect(await say(open(store, passphrase))).toBe("done");
    expect([...store.objects.keys()].filter((name) => name.startsWith("keys/"))).toHaveLength(
      passphrase === undefined ? 0 : 1,
    );
  });

  it("who goes on with what the other one has overwritten writes no snapshot, if the store takes no conditions", async () => {
    const fixture = await makeRepository({ passphrase: "one" });
    const run = await openRun(fixture);
    await run.writer.putValue(Buffer.from("value"), sha256Of(Buffer.from("value")));
    await run.writer.finish();
    const other = await makeRepository({ passphrase: "one" });
    for (const [name, object] of other.store.objects) fixture.store.objects.set(name, object);
    expect(await say(writeSnapshot(fixture.repository, run.writer, SNAPSHOT))).toBe(
      "repository-refused: memory is another repository than it was when this run began",
    );
    await run.close();
    expect([...fixture.store.objects.keys()].filter((name) => name.startsWith("snapshots/"))).toEqual([]);
  });
});

it("a creation that was killed before config.json was written can be begun anew", async () => {
  const store = openMemoryStore(clock);
  const dying: Store = {
    ...store,
    putNew: async (name, bytes) =>
      name === "config.json" ? Promise.reject(new Error("killed")) : store.putNew(name, bytes),
  };
  await expect(createRepository(dying, { passphrase: "one", clock })).rejects.toThrow("killed");
  await createRepository(store, { passphrase: "two", clock });
  expect(await say(open(store, "two"))).toBe("done");
  expect(await say(open(store, "one"))).toBe("repository-refused: the passphrase does not open memory");
});
