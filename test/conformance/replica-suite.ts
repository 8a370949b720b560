// What every replica promises (src/replica/replica.ts), as tests. Each kind and each wrapper runs the same suite.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../src/core/entry.ts";
import { fingerprintOf } from "../../src/core/fingerprint.ts";
import { compareUtf8 } from "../../src/core/key.ts";
import type { Problem } from "../../src/core/problem.ts";
import type { ReadOutcome, Replica } from "../../src/replica/replica.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type Attributes, collect, keyOf, pagesOf, valueOf, writeOf } from "../support/values.ts";

export interface OpenReplica {
  readonly replica: Replica;
  readonly close: () => Promise<void>;
}

/** Names that other tools lose. */
export const HOSTILE_KEYS: readonly string[] = [
  "a",
  "a/b",
  "a/b/c",
  "a//b",
  "/a",
  "a/",
  "//",
  "/",
  "...",
  "a/../b",
  "a/./b",
  "a%2Fb",
  "%2F",
  "%",
  "%25",
  "%00",
  "a\u0000b",
  "\u0001\u001f\u007f",
  "tab\there",
  "line\nbreak",
  "caf\u00e9",
  "cafe\u0301",
  "\u{1f600}",
  "\ufffd",
  "\ue000",
  "\u{10ffff}",
  "a%value",
  "a%meta",
  "a%value%meta",
  "a%tmp-1a2b",
  "x%+",
  "%2E",
  "%2E%2E",
  ".kvsync",
  "-rf",
  " ",
  "a ",
  "a.",
  "CON",
  "k".repeat(512),
  "\u00e9".repeat(256),
  `${"p".repeat(240)}X${"q".repeat(60)}`,
  `${"p".repeat(240)}Y`,
  `${"p".repeat(255)}/x`,
  '<>:"\\|?*',
  "foo%20bar",
  "A",
  "__proto__",
  "constructor",
];

/** What an outcome says of the key, however and whenever it came to know. */
function withoutTime(outcome: ReadOutcome | undefined): unknown {
  if (outcome?.kind !== "value") return outcome;
  return { kind: outcome.kind, key: outcome.key, value: { ...outcome.value, readAt: 0 } };
}

/** `asks`: the ways that this kind has to be asked for keys by name. A replica that lacks one of them fails. */
export function describeReplica(
  name: string,
  asks: readonly ("lookup" | "fetch")[],
  open: (clock: FakeClock) => Promise<OpenReplica>,
): void {
  describe(`${name} as a replica`, () => {
    let clock: FakeClock;
    let opened: OpenReplica;
    let replica: Replica;

    beforeEach(async () => {
      clock = new FakeClock({ now: Date.now() });
      opened = await open(clock);
      replica = opened.replica;
    });
    afterEach(() => opened.close());

    const problems: Problem[] = [];
    const list = (): Promise<Entry[]> => collect(replica.list({ onProblem: (problem) => problems.push(problem) }));

    async function put(
      items: Readonly<Record<string, string | Uint8Array>>,
      attributes: Attributes = {},
    ): Promise<void> {
      const listed = new Map((await list()).map((entry) => [entry.key as string, entry]));
      const writes = Object.entries(items).map(([key, content]) => ({
        value: valueOf(clock, key, content, attributes),
        expected: listed.get(key),
      }));
      const outcomes = await collect(replica.write(pagesOf(writes)));
      expect(outcomes.filter((outcome) => outcome.kind !== "written")).toEqual([]);
    }

    async function read(): Promise<Map<string, Buffer>> {
      const outcomes = await collect(replica.read(pagesOf(await list())));
      return new Map(
        outcomes.map((outcome) => {
          if (outcome.kind !== "value") throw new Error(`${outcome.key}: ${JSON.stringify(outcome)}`);
          return [outcome.key, Buffer.from(outcome.value.bytes)];
        }),
      );
    }

    it("lists nothing when empty", async () => {
      expect(await list()).toEqual([]);
    });

    it("gives back what was written, byte for byte", async () => {
      const items = {
        empty: "",
        text: 'h\u00e9llo \u{1f600}\n"quoted"',
        binary: Buffer.from([0, 255, 254, 0, 128]),
        bom: "\ufefftext",
        nul: "a\0b",
      };
      await put(items);
      const values = await read();
      for (const [key, content] of Object.entries(items)) expect(values.get(key)).toEqual(Buffer.from(content));
    });

    it("needs the bytes of a page no longer than it says", async () => {
      const until = replica.traits.needsBytesUntil;
      const keys = Array.from({ length: 600 }, (_, i) => `d${i % 7}/${i}`);
      const given = new Map<string, Buffer>();
      async function* pages() {
        for (let from = 0; from < keys.length; from += 50) {
          const page = keys.slice(from, from + 50).map((key) => valueOf(clock, key, `value of ${key}`));
          const bytes = page.map((value) => Buffer.from(value.bytes));
          page.forEach(({ entry }, i) => given.set(entry.key, bytes[i]!));
          yield page.map((value, i) => ({ value: { ...value, bytes: bytes[i]! }, expected: undefined }));
          if (until === "next-page") for (const own of bytes) own.fill("x");
        }
      }
      for await (const outcomes of replica.write(pages()))
        for (const { key } of outcomes) if (until === "outcome") given.get(key)!.fill("x");
      expect([...given.values()].every((bytes) => bytes.every((byte) => byte === 0x78))).toBe(true);
      const values = await read();
      expect(values.size).toBe(keys.length);
      for (const [key, bytes] of values) expect(bytes.toString()).toBe(`value of ${key}`);
    });

    it("gives values whose memory is used again only when it is asked to", async () => {
      const items = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`d/${i}`, `value of ${i}`]));
      await put(items);
      const readAll = async (reusesBytes: boolean): Promise<Map<string, string>[]> => {
        const [then, later] = [new Map<string, string>(), new Map<string, string>()];
        const kept: [string, Uint8Array][] = [];
        for await (const outcomes of replica.read(pagesOf(await list()), { reusesBytes })) {
          for (const outcome of outcomes) {
            if (outcome.kind !== "value") continue;
            then.set(outcome.key, Buffer.from(outcome.value.bytes).toString());
            kept.push([outcome.key, outcome.value.bytes]);
          }
        }
        for (const [key, bytes] of kept) later.set(key, Buffer.from(bytes).toString());
        return [then, later];
      };
      const expected = new Map(Object.entries(items));
      const [reused] = await readAll(true);
      expect(new Map([...reused!].sort())).toEqual(new Map([...expected].sort()));
      const [, kept] = await readAll(false);
      expect(new Map([...kept!].sort())).toEqual(new Map([...expected].sort()));
    });

    it("lists keys in UTF-8 byte order, each once, over many pages", async () => {
      const keys = [...HOSTILE_KEYS, ...Array.from({ length: 2500 }, (_, i) => `bulk/${(i * 7919) % 2500}`)];
      await put(Object.fromEntries(keys.map((key) => [key, `value of ${key}`])));
      const listed = (await list()).map((entry) => entry.key);
      expect(listed).toEqual([...new Set(keys)].sort(compareUtf8));
    });

    it("holds hostile names with value, metadata and expiration", async () => {
      const expiration = Math.floor(clock.now() / 1000) + 86_400;
      const metadata = '{"n":1,"owner":"t\u00e9st"}';
      await put(Object.fromEntries(HOSTILE_KEYS.map((key) => [key, `value of ${key}`])), { metadata, expiration });
      for (const entry of await list())
        expect([entry.key, entry.metadata, entry.expiration]).toEqual([entry.key, metadata, expiration]);
      const values = await read();
      for (const key of HOSTILE_KEYS) expect(values.get(key)?.toString()).toBe(`value of ${key}`);
    });

    it("replaces value, metadata and expiration together", async () => {
      await put({ k: "one" }, { metadata: '{"a":1}', expiration: Math.floor(clock.now() / 1000) + 3600 });
      await put({ k: "two" });
      expect((await read()).get("k")?.toString()).toBe("two");
      const [entry] = await list();
      expect([entry?.metadata, entry?.expiration]).toEqual([undefined, undefined]);
    });

    it.each(["[1,2]", '"text"', "7", "false", "{}", '{"kvsync":"mine"}', `{"long":"${"x".repeat(1000)}"}`])(
      "keeps metadata %s as it is",
      async (metadata) => {
        await put({ k: "v" }, { metadata });
        expect((await list())[0]?.metadata).toBe(metadata);
      },
    );

    it("tells fingerprint, size and kind of each value it reads", async () => {
      await put({ text: "abc", binary: Buffer.from([255]) });
      const outcomes = await collect(replica.read(pagesOf(await list())));
      const entries = outcomes.map((outcome) => (outcome.kind === "value" ? outcome.value.entry : undefined));
      expect(entries.find((entry) => entry?.key === "text")).toMatchObject({
        fingerprint: fingerprintOf(Buffer.from("abc")),
        size: 3,
        binary: false,
      });
      expect(entries.find((entry) => entry?.key === "binary")).toMatchObject({ size: 1, binary: true });
    });

    it("says which ways it has to be asked for keys by name", () => {
      const ways = (["lookup", "fetch"] as const).filter((way) => replica[way] !== undefined);
      expect(ways).toEqual(asks);
    });

    it.runIf(asks.includes("lookup"))("looks keys up as its listing shows them", async () => {
      const keys = Object.fromEntries(HOSTILE_KEYS.map((key) => [key, `value of ${key}`]));
      await put(keys, { metadata: '{"a":1}' });
      const listed = await list();
      const asked = [keyOf("nowhere"), ...listed.map((entry) => entry.key), keyOf("no/where")];
      expect(await replica.lookup!(asked, { onProblem: (problem) => problems.push(problem) })).toEqual(listed);
      expect(problems).toEqual([]);
    });

    it.runIf(asks.includes("fetch"))("fetches keys that were not listed with all that belongs to them", async () => {
      const texts = Object.fromEntries(HOSTILE_KEYS.map((key) => [key, `value of ${key}`]));
      await put(texts, { metadata: '{"a":1}' });
      await put({ binary: Buffer.from([255]) }, { metadata: '{"b":2}' });
      const listed = await collect(replica.read(pagesOf(await list())));
      const asked = listed.map(({ key }) => key);
      const fetched = await collect(replica.fetch!([keyOf("nowhere"), ...asked]));
      const ofKey = new Map(fetched.map((outcome) => [outcome.key, outcome]));
      expect(ofKey.get(keyOf("nowhere"))).toEqual({ kind: "absent", key: "nowhere" });
      for (const outcome of listed) expect(withoutTime(ofKey.get(outcome.key))).toEqual(withoutTime(outcome));
      expect(fetched).toHaveLength(listed.length + 1);
      for (const key of [keyOf("a"), keyOf("binary")]) {
        const [alone, ...others] = await collect(replica.fetch!([key]));
        expect(withoutTime(alone)).toEqual(withoutTime(ofKey.get(key)));
        expect(others).toEqual([]);
      }
      expect(await collect(replica.fetch!([keyOf("nowhere")]))).toEqual([{ kind: "absent", key: "nowhere" }]);
    });

    it("reads keys in any order, and again, if it says so", async () => {
      expect(replica.traits.readOrder).toBe("any");
      await put({ a: "1", b: "2", "b/c": "3", d: "4" });
      const listed = await list();
      const asked = [...listed.toReversed(), ...listed];
      const outcomes = await collect(replica.read(pagesOf(...asked.map((entry) => [entry]))));
      const values = outcomes.map((outcome) => [
        outcome.key,
        outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : outcome.kind,
      ]);
      const expected = [
        ["a", "1"],
        ["b", "2"],
        ["b/c", "3"],
        ["d", "4"],
      ];
      expect(values.sort()).toEqual([...expected, ...expected].sort());
    });

    it("can be listed and read while it is written to", async () => {
      await put({ before: "1" });
      async function* pages() {
        yield [writeOf(clock, "first", "2")];
        expect((await list()).map(({ key }) => key)).toContain("before");
        expect((await read()).get("before")?.toString()).toBe("1");
        yield [writeOf(clock, "second", "3")];
      }
      await collect(replica.write(pages()));
      expect((await list()).map(({ key }) => key)).toEqual(["before", "first", "second"]);
    });

    it("reads a key that is gone as absent", async () => {
      await put({ stays: "1", goes: "2" });
      const listed = await list();
      await collect(replica.remove(pagesOf(listed.filter((entry) => entry.key === "goes"))));
      const outcomes = await collect(replica.read(pagesOf(listed)));
      expect(outcomes.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
        ["goes", "absent"],
        ["stays", "value"],
      ]);
    });

    it("removes keys, and what is gone already counts as removed", async () => {
      await put({ a: "1", "a/b": "2", c: "3" });
      const listed = await list();
      const first = await collect(replica.remove(pagesOf(listed.slice(0, 2))));
      expect(first.map((outcome) => outcome.kind)).toEqual(["removed", "removed"]);
      const again = await collect(replica.remove(pagesOf(listed.slice(0, 2))));
      expect(again.map((outcome) => outcome.kind)).toEqual(["removed", "removed"]);
      expect((await list()).map((entry) => entry.key)).toEqual([keyOf("c")]);
    });

    it("gives exactly one outcome for each key it was asked for", async () => {
      const writes = Array.from({ length: 1200 }, (_, i) => ({
        value: valueOf(clock, `n/${i}`, `${i}`),
        expected: undefined,
      }));
      const outcomes = await collect(
        replica.write(pagesOf(writes.slice(0, 1), [], writes.slice(1, 700), writes.slice(700))),
      );
      expect(new Set(outcomes.map((outcome) => outcome.key)).size).toBe(1200);
      expect(outcomes).toHaveLength(1200);
    });

    it("takes no input and gives no outcome", async () => {
      expect(await collect(replica.write(pagesOf()))).toEqual([]);
      expect(await collect(replica.remove(pagesOf()))).toEqual([]);
      expect(await collect(replica.read(pagesOf()))).toEqual([]);
    });

    it("stops when its signal is aborted", async () => {
      await put({ a: "1" });
      const reason = new Error("stop");
      await expect(collect(replica.list({ onProblem: () => {}, signal: AbortSignal.abort(reason) }))).rejects.toThrow();
    });
  });
}
