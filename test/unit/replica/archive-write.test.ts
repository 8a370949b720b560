// An archive is written in key order, whatever order its source is read in, and says so if the source could not be read whole.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problem } from "../../../src/core/problem.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { ReadableReplica, ReadOutcome } from "../../../src/replica/replica.ts";
import { archiveOf, type ArchiveFolder, memoryOf, openArchiveFolder } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, keyOf, pagesOf, valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: Date.now() });
let folder: ArchiveFolder;
beforeEach(() => {
  folder = openArchiveFolder();
});
afterEach(() => folder.remove());

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(2, "0")}`);
const source = () =>
  memoryOf(
    clock,
    keys.map((key) => valueOf(clock, key, key.repeat(50))),
  );

/** Reads all that it is asked for, and gives the last first. */
function backwards(inner: ReadableReplica, reads: number[] = []): ReadableReplica {
  return {
    ...inner,
    async *list(options) {
      for await (const page of inner.list(options)) for (const entry of page) yield [entry];
    },
    async *read(entries) {
      const asked: Entry[] = await collect(entries);
      reads.push(asked.length);
      yield (await collect(inner.read(pagesOf(asked)))).toReversed();
    },
  };
}

describe("an archive", () => {
  it("is in key order, whatever comes first, with a window that holds all of it, a part of it, and nothing", async () => {
    const plain = join(folder.path, "plain.ndjson");
    const expected = await archiveOf(await source(), plain);
    for (const memoryBytesMax of [1_000_000, 3000, 0]) {
      const path = join(folder.path, `${memoryBytesMax}.ndjson`);
      const limits = { memoryBytesMax, scratchBytesMax: 1_000_000 };
      const end = await archiveOf(backwards(await source()), path, "ndjson", limits);
      expect(end.root).toBe(expected.root);
      expect(linesOf(path).at(-1)).toMatchObject({ digest: linesOf(plain).at(-1)!["digest"] });
      expect(
        linesOf(path)
          .slice(1, -1)
          .map(({ key }) => key),
      ).toEqual(keys);
      expect(existsSync(`${path}.scratch`)).toBe(false);
    }
  });

  it("lets its source read what is missing before more waits than the scratch file is to hold", async () => {
    const reads: number[] = [];
    const inner = await source();
    const slow: ReadableReplica = {
      ...backwards(inner),
      async *read(entries) {
        // Whatever it is asked for next, it keeps the first key of a call to the end of it, as one does that waits for more.
        let [first, asked] = [undefined as Entry | undefined, 0];
        for await (const page of entries) {
          asked += page.length;
          const rest = first === undefined ? page.slice(1) : page;
          first ??= page[0];
          yield await collect(inner.read(pagesOf(rest)));
        }
        reads.push(asked);
        yield await collect(inner.read(pagesOf(first === undefined ? [] : [first])));
      },
    };
    const path = join(folder.path, "a.ndjson");
    const end = await archiveOf(slow, path, "ndjson", { memoryBytesMax: 0, scratchBytesMax: 1000 });
    expect(end.complete).toBe(true);
    expect(
      linesOf(path)
        .slice(1, -1)
        .map(({ key }) => key),
    ).toEqual(keys);
    expect(Math.max(...reads)).toBeLessThan(12);
  });

  it("is not complete if a key could not be read, and tells which", async () => {
    const inner = await source();
    const broken: ReadableReplica = {
      ...inner,
      async *read(entries) {
        for await (const page of inner.read(entries)) {
          yield page.map((outcome): ReadOutcome => {
            const { key } = outcome;
            if (key === "k03") return { kind: "problem", key, problem: problem("unreadable", key, "is not there") };
            return key === "k05" ? { kind: "absent", key } : outcome;
          });
        }
      },
    };
    const path = join(folder.path, "a.ndjson");
    const { complete, problems, entries, told } = await archiveOf(broken, path);
    expect({ complete, problems, entries }).toEqual({ complete: false, problems: 1, entries: 38 });
    expect(told.map(({ code, subject, failure }) => [code, subject, failure])).toEqual([
      ["unreadable", "k03", true],
      ["vanished", "k05", false],
    ]);
  });

  it("is not complete if its source could not say what it holds somewhere", async () => {
    const inner = await source();
    const gap: ReadableReplica = {
      ...inner,
      list(options) {
        options.onUnknown?.({ key: keyOf("gap") });
        return inner.list(options);
      },
    };
    expect((await archiveOf(gap, join(folder.path, "a.ndjson"))).complete).toBe(false);
  });

  it("has no end line if the listing failed", async () => {
    const inner = await source();
    const failing: ReadableReplica = {
      ...inner,
      async *list(options) {
        yield* inner.list(options);
        throw new Error("the network is gone");
      },
    };
    const lines: string[] = [];
    const sink = {
      write: async (bytes: Uint8Array) => void lines.push(Buffer.from(bytes).toString()),
      flush: async () => {},
      end: async () => {},
      abort: async () => {},
    };
    const writing = archiveOf(failing, join(folder.path, "a.ndjson"), "ndjson", undefined, sink);
    await expect(writing).rejects.toThrow("the network is gone");
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toContain('"kvsync":"end"');
  });

  it("ends with the digest of every byte before its last line", async () => {
    const path = join(folder.path, "a.ndjson");
    await archiveOf(await source(), path);
    const text = readFileSync(path, "utf8");
    const last = text.lastIndexOf("\n", text.length - 2) + 1;
    const digest = createHash("sha256").update(text.slice(0, last)).digest("hex");
    expect(linesOf(path).at(-1)).toMatchObject({ entries: 40, complete: true, digest: `sha256:${digest}` });
  });
});
