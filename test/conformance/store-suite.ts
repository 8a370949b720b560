// What every store promises (src/backup/store/store.ts), as tests.

import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../src/core/errors.ts";
import { STORE_CALLS, type Store, type StoredObject } from "../../src/backup/store/store.ts";

export interface OpenStore {
  readonly store: Store;
  readonly close: () => Promise<void>;
  /** Resolves when listings show all that was done up to now. */
  readonly caughtUp?: () => Promise<void>;
}

export interface StoreTraits {
  /** Whether `putNew` tells that an object is there. A store that cannot tell writes it once more. */
  readonly tellsExisting: boolean;
  /** Whether that holds for calls at the same moment, too, and for those whose first attempt failed. */
  readonly tellsRaces: boolean;
  /** How far times may be off: HTTP tells seconds. */
  readonly timeErrorMs: number;
  /** How many objects the long listing has. */
  readonly objects: number;
}

export function describeStore(name: string, traits: StoreTraits, open: () => Promise<OpenStore>): void {
  describe(`${name} as a store`, () => {
    let opened: OpenStore;
    let store: Store;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });

    afterEach(() => opened.close());

    const listed = async (prefix: string): Promise<readonly StoredObject[]> => {
      await opened.caughtUp?.();
      const all: StoredObject[] = [];
      for await (const page of store.list(prefix)) all.push(...page);
      return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    };
    const names = async (prefix: string): Promise<readonly string[]> => (await listed(prefix)).map((each) => each.name);

    it.each([0, 1, 1000, 65_536, 3_000_001])("gives back an object of %i bytes", async (size) => {
      const bytes = bytesOf(size);
      expect(await store.putNew(nameOf("a"), bytes)).toBe("written");
      expect(sumOf(await store.get(nameOf("a")))).toBe(sumOf(bytes));
      expect(await store.head(nameOf("a"))).toMatchObject({ name: nameOf("a"), size });
      expect(await listed("packs/")).toMatchObject([{ name: nameOf("a"), size }]);
    });

    it("gives parts of an object", async () => {
      const bytes = bytesOf(100_000);
      await store.putNew(nameOf("a"), bytes);
      for (const [at, length] of [
        [0, 1],
        [0, 100_000],
        [40, 1234],
        [99_999, 1],
        [50_000, 0],
      ] as const) {
        const part = await store.get(nameOf("a"), { at, length });
        expect(part?.byteLength).toBe(length);
        expect(sumOf(part)).toBe(sumOf(bytes.subarray(at, at + length)));
      }
    });

    it.each([
      [90, 11],
      [100, 1],
      [5000, 10],
    ])("takes an object that is too short for %i and %i for damaged", async (at, length) => {
      await store.putNew(nameOf("a"), bytesOf(100));
      const failure = await failureOf(store.get(nameOf("a"), { at, length }));
      expect(failure.code).toBe("repository-damaged");
      expect(failure.message).toContain(nameOf("a"));
    });

    it("says that there is no such object", async () => {
      expect(await store.get("config.json")).toBeUndefined();
      expect(await store.get(nameOf("a"))).toBeUndefined();
      expect(await store.get(nameOf("a"), { at: 0, length: 8 })).toBeUndefined();
      expect(await store.get(nameOf("a"), { at: 0, length: 0 })).toBeUndefined();
      expect(await store.head(nameOf("a"))).toBeUndefined();
      await store.remove(nameOf("a"));
      expect(await names("")).toEqual([]);
      expect(await names("packs/")).toEqual([]);
    });

    it("keeps an object that is there", async () => {
      const bytes = bytesOf(2000);
      await store.putNew(nameOf("a"), bytes);
      expect(await store.putNew(nameOf("a"), bytes)).toBe(traits.tellsExisting ? "exists" : "written");
      expect(sumOf(await store.get(nameOf("a")))).toBe(sumOf(bytes));
      if (!traits.tellsExisting) return;
      expect(await store.putNew(nameOf("a"), bytesOf(7))).toBe("exists");
      expect(sumOf(await store.get(nameOf("a")))).toBe(sumOf(bytes));
    });

    it("lists what is below a folder, and nothing beside it", async () => {
      const all = ["config.json", "index/aa", "packs/a/x", "packs/ab/x", "packs/ab/y", "packs-old/x"];
      for (const each of all) await store.putNew(each, bytesOf(3));
      expect(await names("")).toEqual(all.toSorted());
      expect(await names("packs/")).toEqual(["packs/a/x", "packs/ab/x", "packs/ab/y"]);
      expect(await names("packs/a/")).toEqual(["packs/a/x"]);
      expect(await names("snapshots/")).toEqual([]);
    });

    it("lists every object once", async () => {
      const all = Array.from({ length: traits.objects }, (_, i) => `index/${hash("sha256", String(i))}`);
      await Promise.all(inTurns(all, (each) => store.putNew(each, bytesOf(1))));
      expect(await names("index/")).toEqual(all.toSorted());
    });

    it("removes objects", async () => {
      await store.putNew(nameOf("a"), bytesOf(10));
      await store.putNew(nameOf("b"), bytesOf(10));
      await store.remove(nameOf("a"));
      expect(await store.get(nameOf("a"))).toBeUndefined();
      expect(await store.head(nameOf("a"))).toBeUndefined();
      expect(await names("packs/")).toEqual([nameOf("b")]);
      expect(await store.putNew(nameOf("a"), bytesOf(11))).toBe("written");
      expect((await store.get(nameOf("a")))?.byteLength).toBe(11);
    });

    it("tells the times of objects by the clock that it tells the time by", async () => {
      await store.putNew("config.json", bytesOf(1));
      const before = await store.now();
      await store.putNew("marks/a", bytesOf(0));
      const after = await store.now();
      const [mark] = await listed("marks/");
      for (const { modified } of [mark!, (await store.head("marks/a"))!]) {
        expect(Number.isInteger(modified)).toBe(true);
        expect(modified).toBeGreaterThanOrEqual(before - traits.timeErrorMs);
        expect(modified).toBeLessThanOrEqual(after + traits.timeErrorMs);
      }
    });

    it("takes several calls at once, of the same name too", async () => {
      const bytes = bytesOf(100_000);
      const calls = Array.from({ length: STORE_CALLS }, (_, i) =>
        store.putNew(nameOf(i < 4 ? "same" : `n${i}`), bytes),
      );
      const outcomes = await Promise.all(calls);
      const written = outcomes.slice(0, 4).filter((each) => each === "written").length;
      expect(traits.tellsRaces ? written === 1 : written >= 1).toBe(true);
      const all = await listed("packs/");
      expect(all).toHaveLength(1 + STORE_CALLS - 4);
      for (const each of all) expect(sumOf(await store.get(each.name))).toBe(sumOf(bytes));
    });

    it.each(["", "/", "a/", "/a", "a//b", "..", "../a", "a/../b", "a/.b", "a\0b", "a b", "a%2Fb", "é"])(
      "refuses the name %j",
      async (bad) => {
        for (const call of [store.putNew(bad, bytesOf(1)), store.get(bad), store.head(bad), store.remove(bad)])
          expect((await failureOf(call)).code).toBe("repository-damaged");
        expect(await names("")).toEqual([]);
      },
    );

    it("does nothing once it was told to stop", async () => {
      const signal = AbortSignal.abort(new Error("stop"));
      await expect(store.putNew(nameOf("a"), bytesOf(1), { signal })).rejects.toThrow("stop");
      await expect(store.get(nameOf("a"), undefined, { signal })).rejects.toThrow("stop");
      await expect(store.remove(nameOf("a"), { signal })).rejects.toThrow("stop");
      await expect(store.list("", { signal })[Symbol.asyncIterator]().next()).rejects.toThrow("stop");
      expect(await names("")).toEqual([]);
    });
  });
}

function nameOf(text: string): string {
  const id = hash("sha256", text);
  return `packs/${id.slice(0, 2)}/${id}`;
}

/** Bytes that compress as little as a pack does, and differ from place to place. */
function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = size + 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function sumOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && hash("sha256", bytes);
}

async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, and not ${String(error)}`);
}

/** Runs `work` for each, as many at once as a store takes. */
function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): readonly Promise<void>[] {
  const waiting = [...items];
  return Array.from({ length: STORE_CALLS }, async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  });
}
