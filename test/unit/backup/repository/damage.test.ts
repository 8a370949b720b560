import { beforeAll, describe, expect, it } from "vitest";
import { loadIndex } from "../../../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../../../src/backup/repository/open-item-reader.ts";
import { openRepository } from "../../../../src/backup/repository/open-repository.ts";
import { readSealed } from "../../../../src/backup/repository/read-object.ts";
import type { LoadedIndex, Repository } from "../../../../src/backup/repository/repository.ts";
import { listSnapshots, writeSnapshot } from "../../../../src/backup/repository/snapshots.ts";
import { AppError } from "../../../../src/core/errors.ts";
import { fingerprintOf, sha256Of } from "../../../../src/core/fingerprint.ts";
import {
  makeRepository,
  openRun,
  pageBytes,
  putValues,
  readValues,
  type RepositoryFixture,
  SNAPSHOT,
} from "../../../support/repository-fixture.ts";

const values = ["first", "second value", ""].map((text) => Buffer.from(text));
const page = pageBytes(3);
const changed = pageBytes(3, { changes: 1 });
const PASSPHRASE = "a passphrase";

/** Of a repository that holds all of the above, and a snapshot. */
async function makeSmall(passphrase: string | undefined): Promise<RepositoryFixture> {
  const fixture = await makeRepository({ passphrase });
  const run = await openRun(fixture);
  for (const value of values) await run.writer.putValue(value, sha256Of(value));
  await run.writer.putPage(page, sha256Of(page), undefined);
  await run.writer.putPage(changed, sha256Of(changed), { sha256: sha256Of(page), bytes: page });
  await run.writer.finish();
  await writeSnapshot(fixture.repository, run.writer, SNAPSHOT);
  await run.close();
  return fixture;
}

/** What a reader finds: all as it was put, or lines that say what is wrong. Anything else throws. */
async function findings(repository: Repository, clock: RepositoryFixture["clock"]): Promise<readonly string[]> {
  const index = await loadIndex(repository, { clock });
  const found = [...index.problems.map(({ message }) => message), ...(await itemFindings(repository, index))];
  index.close();
  const { snapshots, problems } = await listSnapshots(repository);
  for (const { id: _, ...snapshot } of snapshots) expect({ ...snapshot, pages: [] }).toEqual(SNAPSHOT);
  return [...found, ...problems];
}

async function itemFindings(repository: Repository, index: LoadedIndex): Promise<readonly string[]> {
  const found: string[] = [];
  const reader = openItemReader(repository, index);
  const items = [
    ...values.map((bytes) => [bytes, () => reader.value(sha256Of(bytes), bytes.byteLength)] as const),
    ...values.map((bytes) => [bytes, () => reader.valueById(fingerprintOf(bytes))] as const),
    ...[page, changed].map((bytes) => [bytes, () => reader.page(sha256Of(bytes))] as const),
  ];
  for (const [bytes, read] of items) {
    try {
      if (!Buffer.from(await read()).equals(bytes)) throw new Error(`wrong bytes instead of ${bytes.toString()}`);
    } catch (error) {
      found.push(lineOf(error));
    }
  }
  return found;
}

const CANNOT_BE_READ = /^memory is damaged: (?:value|page) \S+ cannot be read, since block \d of pack /;

function lineOf(error: unknown): string {
  if (!(error instanceof AppError) || !/^repository-(damaged|refused)$/.test(error.code)) throw error;
  expect(error.message).not.toContain("\n");
  return error.message;
}

describe.each([undefined, PASSPHRASE])("one flipped bit, in a repository with the passphrase %s,", (passphrase) => {
  let fixture: RepositoryFixture;
  beforeAll(async () => {
    fixture = await makeSmall(passphrase);
    expect(await findings(fixture.repository, fixture.clock)).toEqual([]);
  });

  /** With each bit of each object in `folder` flipped in turn, if it has any. */
  const flipEach = async (folder: string, look: (name: string, at: number) => Promise<void>): Promise<number> => {
    let looks = 0;
    for (const [name, { bytes, modified }] of fixture.store.objects) {
      if (!name.startsWith(folder)) continue;
      for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        fixture.store.objects.set(name, { bytes: flipped, modified });
        await look(name, bit >> 3);
        looks++;
      }
      fixture.store.objects.set(name, { bytes, modified });
    }
    return looks;
  };

  it("anywhere in a pack, takes no item but one whose line names pack and block", { timeout: 120_000 }, async () => {
    const told = new Set<string>();
    const index = await loadIndex(fixture.repository, { clock: fixture.clock });
    const looks = await flipEach("packs/", async (name) => {
      const pack = name.slice(-64);
      for (const line of await itemFindings(fixture.repository, index)) {
        if (!CANNOT_BE_READ.test(line) || !line.includes(pack)) throw new Error(`it says: ${line}`);
        told.add(line);
      }
    });
    index.close();
    expect(looks).toBeGreaterThan(2000);
    // Each value by either name, the page, and the other page, which is in a block of its own and needs the first one's.
    expect(told.size).toBeGreaterThanOrEqual(8);
  });

  it.each(["index/", "snapshots/"])(
    "anywhere in %s is told by the name of the object, and nothing of it is believed",
    async (folder) => {
      let looks = 0;
      const kind = folder === "index/" ? "index" : "snapshot";
      const flips = await flipEach(folder, async (name) => {
        const line = `${name} is not as it was written`;
        const said = await readSealed(fixture.repository, kind, name.slice(-64)).then(() => "read", lineOf);
        if (said !== line) throw new Error(`it says: ${said}`);
        if (looks++ % 50 === 0) expect(await findings(fixture.repository, fixture.clock)).toContain(line);
      });
      expect(flips).toBeGreaterThan(1000);
    },
  );

  it("anywhere in config.json, or in a key, refuses the repository in one line", async () => {
    const look = async (name: string) => {
      const said = await openRepository(fixture.store, { passphrase: async () => PASSPHRASE }).then(
        () => "opened",
        lineOf,
      );
      expect(said).toBe(`${name} of memory is not as it was written`);
    };
    expect(await flipEach("config.json", look)).toBeGreaterThan(1000);
    expect(await flipEach("keys/", look)).toBeGreaterThanOrEqual(passphrase === undefined ? 0 : 1000);
  });
});

describe("an object that was cut", () => {
  it.each([undefined, PASSPHRASE])(
    "at every ninth byte, with the passphrase %s, gives no wrong bytes",
    async (passphrase) => {
      const fixture = await makeSmall(passphrase);
      for (const [name, { bytes, modified }] of fixture.store.objects) {
        if (name.startsWith("config") || name.startsWith("keys")) continue;
        for (let length = 0; length < bytes.byteLength; length += 9) {
          fixture.store.objects.set(name, { bytes: bytes.subarray(0, length), modified });
          const found = await findings(fixture.repository, fixture.clock);
          if (!name.startsWith("packs/")) expect(found).toContain(`${name} is not as it was written`);
        }
        fixture.store.objects.set(name, { bytes, modified });
      }
    },
  );
});

describe("an item that lies in several packs", () => {
  it("is read from any that is sound", async () => {
    const fixture = await makeRepository();
    const value = Buffer.alloc(1000, "some text ");
    for (let i = 0; i < 3; i++) {
      const run = await openRun(fixture);
      run.writer.distrust(fingerprintOf(value));
      await run.writer.putValue(value, sha256Of(value));
      await run.writer.finish();
      await run.close();
    }
    const packs = [...fixture.store.objects].filter(([name]) => name.startsWith("packs/"));
    expect(packs).toHaveLength(3);
    const names = packs.map(([name]) => name);
    for (const whole of names) {
      const [flipped, gone] = names.filter((name) => name !== whole) as [string, string];
      const before = new Map(fixture.store.objects);
      fixture.store.objects.delete(gone);
      const { bytes, modified } = before.get(flipped)!;
      fixture.store.objects.set(flipped, { bytes: bytes.map((byte, i) => (i === 60 ? byte ^ 16 : byte)), modified });
      expect(await readValues(fixture, [value])).toEqual([sha256Of(value)]);
      fixture.store.objects.clear();
      for (const [name, object] of before) fixture.store.objects.set(name, object);
    }
  });

  it("and is in none that can be read, is told with the last of them", async () => {
    const fixture = await makeRepository();
    const value = Buffer.from("value");
    await putValues(fixture, [value]);
    const name = [...fixture.store.objects.keys()].find((other) => other.startsWith("packs/"));
    const run = await openRun(fixture);
    fixture.store.objects.delete(name!);
    const pack = name!.slice(-64);
    await expect(run.reader.value(sha256Of(value), 5)).rejects.toThrow(
      `memory is damaged: value ${sha256Of(value)} cannot be read, since pack ${pack} is not there`,
    );
    await run.close();
    expect(await readValues(fixture, [value])).toEqual([
      `memory is damaged: value ${sha256Of(value)} cannot be read, since it is in no pack that the index knows (kvsync repair index memory looks into all packs)`,
    ]);
  });
});
