// What every replica promises about listings and reads (src/replica/replica.ts), as tests that write nothing through the
// replica: for kinds that are made as a whole and then only read.

import { afterEach, describe, expect, it } from "vitest";
import type { Entry } from "../../src/core/entry.ts";
import { fingerprintOf } from "../../src/core/fingerprint.ts";
import { compareUtf8 } from "../../src/core/key.ts";
import type { ReadableReplica, Value } from "../../src/replica/replica.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { collect, entryOf, pagesOf, valueOf } from "../support/values.ts";
import { HOSTILE_KEYS } from "./replica-suite.ts";

interface OpenReadable {
  readonly replica: ReadableReplica;
  readonly close: () => Promise<void>;
}

/** `open` makes a replica that holds `values`, which come in key order. */
export function describeReadable(
  name: string,
  open: (clock: FakeClock, values: readonly Value[]) => Promise<OpenReadable>,
): void {
  describe(`${name} as a replica that is read`, () => {
    const clock = new FakeClock({ now: Date.now() });
    let opened: OpenReadable | undefined;
    afterEach(() => opened?.close());

    async function hold(values: readonly Value[]): Promise<ReadableReplica> {
      opened = await open(
        clock,
        values.toSorted((a, b) => compareUtf8(a.entry.key, b.entry.key)),
      );
      return opened.replica;
    }
    const list = (replica: ReadableReplica): Promise<Entry[]> => collect(replica.list({ onProblem: () => {} }));

    async function read(replica: ReadableReplica, entries: readonly Entry[]): Promise<Map<string, Buffer>> {
      const outcomes = await collect(replica.read(pagesOf(entries.slice(0, 1), [], entries.slice(1))));
      expect(outcomes).toHaveLength(entries.length);
      return new Map(
        outcomes.map((outcome) => [
          outcome.key,
          Buffer.from(outcome.kind === "value" ? outcome.value.bytes : outcome.kind),
        ]),
      );
    }

    it("lists nothing when empty", async () => {
      expect(await list(await hold([]))).toEqual([]);
    });

    it("lists keys in UTF-8 byte order, each once, over many pages, and gives each value", async () => {
      const keys = [...HOSTILE_KEYS, ...Array.from({ length: 2500 }, (_, i) => `bulk/${(i * 7919) % 2500}`)];
      const replica = await hold([...new Set(keys)].map((key) => valueOf(clock, key, `value of ${key}`)));
      const listed = await list(replica);
      expect(listed.map(({ key }) => key)).toEqual([...new Set(keys)].sort(compareUtf8));
      const values = await read(replica, listed);
      for (const { key } of listed) expect(values.get(key)?.toString()).toBe(`value of ${key}`);
    });

    it("gives back every kind of value, with fingerprint, size and kind", async () => {
      const items: Readonly<Record<string, string | Buffer>> = {
        empty: "",
        text: 'h\u00e9llo \u{1f600}\n"quoted" \u2028\u2029',
        binary: Buffer.from([0, 255, 254, 0, 128]),
        bom: "\ufefftext",
        nul: "a\0b",
        long: Buffer.alloc(700_000, "long "),
      };
      const replica = await hold(Object.entries(items).map(([key, content]) => valueOf(clock, key, content)));
      const outcomes = await collect(replica.read(pagesOf(await list(replica))));
      for (const [key, content] of Object.entries(items)) {
        const found = outcomes.find((outcome) => outcome.key === key);
        if (found?.kind !== "value") throw new Error(`${key}: ${found?.kind}`);
        expect(Buffer.from(found.value.bytes)).toEqual(Buffer.from(content));
        const { fingerprint, size, binary } = found.value.entry;
        expect([fingerprint, size, binary]).toEqual([
          fingerprintOf(Buffer.from(content)),
          Buffer.byteLength(content),
          key === "binary",
        ]);
      }
    });

    it.each(["[1,2]", '"text"', "7", "false", "{}", '{"kvsync":"mine"}', `{"long":"${"x".repeat(1000)}"}`])(
      "keeps metadata %s as it is, and an expiration",
      async (metadata) => {
        const expiration = Math.floor(clock.now() / 1000) + 86_400;
        const [entry] = await list(await hold([valueOf(clock, "k", "v", { metadata, expiration })]));
        expect([entry?.metadata, entry?.expiration]).toEqual([metadata, expiration]);
      },
    );

    it("reads some keys of its listing, and again from the beginning", async () => {
      const replica = await hold(["a", "b", "c", "d", "e"].map((key) => valueOf(clock, key, `${key}!`)));
      const listed = await list(replica);
      for (const wanted of [[1, 3], [0, 4], [2]]) {
        const values = await read(
          replica,
          listed.filter((_, i) => wanted.includes(i)),
        );
        expect([...values].map(([key, bytes]) => `${key} ${bytes.toString()}`)).toEqual(
          wanted.map((i) => `${listed[i]!.key} ${listed[i]!.key}!`),
        );
      }
    });

    it("reads a key that it does not hold as absent", async () => {
      const replica = await hold(["a", "c"].map((key) => valueOf(clock, key, "1")));
      const asked = ["a", "b", "c", "d"].map((key) => entryOf(key, "1"));
      const kinds = (await collect(replica.read(pagesOf(asked)))).map(({ kind }) => kind);
      expect(kinds).toEqual(["value", "absent", "value", "absent"]);
    });

    it("can be listed while it is read", async () => {
      const replica = await hold(Array.from({ length: 1500 }, (_, i) => valueOf(clock, `k${i}`, `${i}`)));
      const outcomes = await collect(replica.read(replica.list({ onProblem: () => {} })));
      expect(outcomes.filter(({ kind }) => kind === "value")).toHaveLength(1500);
    });

    it("stops when its signal is aborted", async () => {
      const replica = await hold([valueOf(clock, "a", "1")]);
      const signal = AbortSignal.abort(new Error("stop"));
      await expect(collect(replica.list({ onProblem: () => {}, signal }))).rejects.toThrow("stop");
    });
  });
}
