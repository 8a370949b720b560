// What a round over changed files does about what somebody else has done to their keys since the last look at everything,
// and what that costs: over real files and the embedded server.

import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingRounds, RoundReport } from "../../../src/mapping/round-port.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { encodeStamp } from "../../../src/core/stamp.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import { call, counts, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";
import { keyOf } from "../../support/values.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

/** So many files, in step for long. */
async function inStep(mapping: Parameters<MappingFixture["rounds"]>[0] = {}, files = 20): Promise<MappingRounds> {
  fixture.writeMany(files);
  const rounds = fixture.rounds({ mode: "push", ...mapping });
  await rounds.full(call);
  await fixture.clock.advance(120_000);
  return rounds;
}

const dirty = (rounds: MappingRounds, ...paths: readonly string[]): Promise<RoundReport> => rounds.dirty(paths, call);

async function putThere(key: string, text: string, metadata?: string): Promise<void> {
  await fixture.api.writeValue(await fixture.namespaceId(), keyOf(key), bodyOfText(text), { metadata });
}

function trashed(): { readonly key: string; readonly content: string; readonly metadata: string | undefined }[] {
  const index = openTrashIndex(fixture.journal, fixture.stateDir);
  return index.list({ limit: 200 }).map((item) => {
    const content = Buffer.from(index.read(item)).toString("latin1");
    return { key: item.key, content, metadata: item.metadata };
  });
}

describe("a push of a changed file", () => {
  it("keeps what somebody else wrote to its key, with its metadata, and reads it once", async () => {
    const rounds = await inStep();
    await putThere("k00", "theirs", '{"by":"them"}');
    fixture.write({ k00: "mine" });
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ written: 1 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkWrite: 1, total: 2 });
    expect(trashed()).toEqual([{ key: "k00", content: "theirs", metadata: '{"by":"them"}' }]);
    expect((await fixture.keys())["k00"]).toBe("mine");
  });

  it("keeps metadata that somebody else gave the same value", async () => {
    const rounds = await inStep();
    await putThere("k00", "value 0", '{"by":"them"}');
    fixture.write({ k00: "mine" });
    await dirty(rounds, "k00");
    expect(trashed()).toEqual([{ key: "k00", content: "value 0", metadata: '{"by":"them"}' }]);
  });

  it("keeps a binary value of somebody else, which no bulk get can carry", async () => {
    const rounds = await inStep();
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    const body = { byteLength: bytes.byteLength, chunks: () => [bytes] };
    await fixture.api.writeValue(await fixture.namespaceId(), keyOf("k00"), body, { metadata: '{"by":"them"}' });
    fixture.write({ k00: "mine" });
    const requests = await fixture.requests(() => dirty(rounds, "k00"));
    expect(requests).toEqual({ bulkGet: 1, read: 1, list: 1, bulkWrite: 1, total: 4 });
    expect(trashed()).toEqual([{ key: "k00", content: bytes.toString("latin1"), metadata: '{"by":"them"}' }]);
    expect((await fixture.keys())["k00"]).toBe("mine");
  });

  it("writes what is missing there", async () => {
    const rounds = await inStep();
    await fixture.delete("k00");
    fixture.write({ k00: "mine" });
    await dirty(rounds, "k00");
    expect((await fixture.keys())["k00"]).toBe("mine");
    expect(trashed()).toEqual([]);
  });

  it("does nothing when somebody else wrote the same", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "both" });
    await putThere("k00", "both");
    const requests = await fixture.requests(() => dirty(rounds, "k00"));
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
  });

  it("keeps a value that somebody else wrote with the stamp of the one before, which another read confirms", async () => {
    const rounds = await inStep();
    const stamp = encodeStamp({ fingerprint: fingerprintOf(Buffer.from("value 0")), size: 7, binary: false });
    await putThere("k00", "theirs", JSON.stringify({ kvsync: stamp }));
    fixture.write({ k00: "mine" });
    const requests = await fixture.requests(async () => {
      expect((await dirty(rounds, "k00")).problems).toEqual([]);
    });
    expect(requests).toEqual({ bulkGet: 1, read: 1, bulkWrite: 1, total: 3 });
    expect(trashed()).toMatchObject([{ key: "k00", content: "theirs" }]);
    expect((await fixture.keys())["k00"]).toBe("mine");
  });

  it("looks at a hundred keys with one request", async () => {
    const rounds = await inStep({}, 150);
    const names = Array.from({ length: 100 }, (_, i) => nameOf(i));
    fixture.write(Object.fromEntries(names.map((name) => [name, `edited ${name}`])));
    await putThere("k77", "theirs");
    const requests = await fixture.requests(() => dirty(rounds, ...names));
    expect(requests).toEqual({ bulkGet: 1, bulkWrite: 1, total: 2 });
    expect(trashed()).toMatchObject([{ key: "k77", content: "theirs" }]);
  });
});

describe("a push of a deleted file", () => {
  it("keeps what somebody else wrote to its key, and reads it once", async () => {
    const rounds = await inStep();
    await putThere("k00", "theirs");
    fixture.remove("k00");
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ removed: 1 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkDelete: 1, total: 2 });
    expect(trashed()).toMatchObject([{ key: "k00", content: "theirs" }]);
  });
});

describe("a two-way round over a deleted file", () => {
  it("keeps the last copy of it, and reads it once", async () => {
    const rounds = await inStep({ mode: "two-way" });
    fixture.remove("k00");
    const requests = await fixture.requests(() => dirty(rounds, "k00"));
    expect(requests).toEqual({ bulkGet: 1, bulkDelete: 1, total: 2 });
    expect(trashed()).toMatchObject([{ key: "k00", content: "value 0" }]);
  });
});

describe.each(["push", "two-way"] as const)("a %s costs no request", (mode) => {
  it("for a file that was touched, and for one that came and went", async () => {
    const rounds = await inStep({ mode });
    utimesSync(join(fixture.folder, "k00"), new Date(0), new Date(0));
    expect(await fixture.requests(() => dirty(rounds, "k00", "4913"))).toEqual({});
  });

  it("for a file that is filtered out", async () => {
    const rounds = await inStep({ mode, exclude: ["*.tmp"] });
    await putThere("a.tmp", "theirs");
    fixture.write({ "a.tmp": "mine" });
    expect(await fixture.requests(() => dirty(rounds, "a.tmp"))).toEqual({});
    expect(fixture.files()["a.tmp"]).toBe("mine");
  });
});

describe("many binary files that change at once", () => {
  const binary = (i: number, edit: number): Buffer => Buffer.from([0xff, 0x00, i & 0xff, i >> 8, edit]);
  const names = Array.from({ length: 300 }, (_, i) => nameOf(i));

  it("are listed together, where one by one would cost more requests", async () => {
    for (const [i, name] of names.entries()) writeFileSync(join(fixture.folder, name), binary(i, 0));
    const rounds = fixture.rounds({ mode: "push" });
    await rounds.full(call);
    await fixture.clock.advance(120_000);
    const changed = names.slice(0, 100);
    for (const [i, name] of changed.entries()) writeFileSync(join(fixture.folder, name), binary(i, 1));
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, ...changed))).toMatchObject({ written: 100 });
    });
    // Saving what is replaced may take one read each, and nothing else does.
    expect(requests).toMatchObject({ list: 1 });
    expect(requests["total"]! - (requests["read"] ?? 0)).toBeLessThan(8);
  });
});
