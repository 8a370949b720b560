// A listing that lags by a minute behind all that is written, over real files and the embedded server: nothing that a person did
// to a file comes undone, though nobody else has touched the namespace.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RoundReport } from "../../../src/mapping/round-port.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import type { KvClient } from "../../../src/kv/kv-client.ts";
import { call, MappingFixture } from "../../support/mapping-fixture.ts";

const WINDOW = 60_000;
let fixture: MappingFixture;
/** What listings show instead of what is there; undefined: the truth. */
let shown: Awaited<ReturnType<KvClient["listKeys"]>> | undefined;
/** Direct reads show nothing, either. */
let isBlind: boolean;
/** Each bulk write takes so long. */
let writeMs: number;

beforeEach(async () => {
  fixture = new MappingFixture();
  shown = undefined;
  isBlind = false;
  writeMs = 0;
  fixture.through = (api) => ({
    ...api,
    listKeys: async (id, query, options) => shown ?? api.listKeys(id, query, options),
    readValue: async (id, key, options) => (isBlind ? undefined : api.readValue(id, key, options)),
    bulkGet: async (id, keys, options) =>
      isBlind ? new Map(keys.map((key) => [key, null])) : api.bulkGet(id, keys, options),
    bulkWrite: async (id, body, options) => {
      if (writeMs > 0) await fixture.clock.advance(writeMs);
      return api.bulkWrite(id, body, options);
    },
  });
  await fixture.open();
});

afterEach(() => fixture.close());

const openRounds = () => fixture.rounds({ mode: "two-way", settleWindowMs: WINDOW });

async function listing(): Promise<NonNullable<typeof shown>> {
  return fixture.api.listKeys(await fixture.namespaceId(), {});
}

/** Nothing is, or becomes, a conflict or a change of a file. */
function expectQuiet({ result, problems }: RoundReport): void {
  expect([result.conflicts, result.removed, problems]).toEqual([0, 0, []]);
}

describe("a new binary file with a sidecar", () => {
  it("that is edited while the listing does not show its key yet is carried over, with its metadata", async () => {
    const rounds = openRounds();
    await rounds.full(call);
    shown = await listing();
    fixture.write({ "a.png%meta": '{"metadata":{"by":"me"}}' });
    const binary = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text)]);
    const path = join(fixture.folder, "a.png");
    fixture.writeBytes("a.png", binary("first"));
    await rounds.dirty(["a.png", "a.png%meta"], call);
    await fixture.clock.advance(5000);
    fixture.writeBytes("a.png", binary("second"));
    expectQuiet(await rounds.dirty(["a.png"], call));
    expect(readFileSync(path)).toEqual(binary("second"));
    expect(existsSync(`${path}%meta`)).toBe(true);
    const id = await fixture.namespaceId();
    expect(await (await fixture.api.readValue(id, "a.png" as never))?.bytes()).toEqual(binary("second"));
    expect(await fixture.api.readMetadata(id, "a.png" as never)).toMatchObject({ by: "me" });
  });
});

describe("a binary value that was written back with the stamp of another", () => {
  it.each(["two-way", "push"] as const)("is believed in a %s when it stays so for a window, and kept", async (mode) => {
    const rounds = fixture.rounds({ mode, settleWindowMs: WINDOW });
    const binary = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text)]);
    fixture.writeBytes("a.png", binary("first"));
    fixture.write({ other: "1" });
    await rounds.full(call);
    await fixture.later();
    const id = await fixture.namespaceId();
    const metadata = JSON.stringify(await fixture.api.readMetadata(id, "a.png" as never));
    const theirs = binary("theirs");
    const body = { byteLength: theirs.byteLength, chunks: () => [theirs] };
    await fixture.api.writeValue(id, "a.png" as never, body, { metadata });
    fixture.writeBytes("a.png", binary("mine"));
    expect((await rounds.dirty(["a.png"], call)).problems).toMatchObject([{ code: "stale-read", subject: "a.png" }]);
    await fixture.later();
    expect((await rounds.dirty(["a.png"], call)).problems).toEqual([]);
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    const trashed = index.list({ limit: 10 }).map((item) => Buffer.from(index.read(item)));
    const path = join(fixture.folder, "a.png");
    const there = Buffer.from((await (await fixture.api.readValue(id, "a.png" as never))!.bytes()) ?? "");
    const isPush = mode === "push";
    expect([trashed, readFileSync(path), there]).toEqual(
      isPush ? [[theirs], binary("mine"), binary("mine")] : [[binary("mine")], theirs, theirs],
    );
  });
});

describe("a file", () => {
  it.each([
    ["without metadata", undefined, 60],
    ["with a kilobyte of it", "x".repeat(900), 12],
  ])(
    "%s, however often it is edited within the window, is not taken back to an early version",
    async (_, note, edits) => {
      const rounds = openRounds();
      await rounds.full(call);
      const meta = note === undefined ? {} : { "k%meta": JSON.stringify({ metadata: { note } }) };
      fixture.write({ k: "version 0", other: "1", ...meta });
      await rounds.dirty(["k", "k%meta", "other"], call);
      fixture.write({ k: "version 1" });
      await rounds.dirty(["k"], call);
      const second = await listing();
      for (let i = 2; i <= edits; i++) {
        await fixture.clock.advance(900);
        fixture.write({ k: `version ${i}` });
        await rounds.dirty(["k"], call);
      }
      shown = second;
      expectQuiet(await rounds.full(call));
      expect(fixture.files()["k"]).toBe(`version ${edits}`);
    },
  );

  it("whose write took longer than the window stays, while the remote does not show it yet", async () => {
    const rounds = openRounds();
    fixture.write({ other: "1" });
    await rounds.full(call);
    shown = await listing();
    fixture.write({ k: "new" });
    writeMs = 2 * WINDOW;
    await rounds.full(call);
    writeMs = 0;
    expect(await fixture.keys()).toMatchObject({ k: "new" });
    isBlind = true;
    expectQuiet(await rounds.full(call));
    expect(fixture.files()).toEqual({ k: "new", other: "1" });
  });

  it("that was recorded while the clock was 400 days ahead goes when its key is deleted", async () => {
    const rounds = openRounds();
    const days = 400 * 86_400_000;
    fixture.clock.jump(days);
    fixture.write({ k: "1", other: "2", more: "3", most: "4" });
    await rounds.full(call);
    fixture.clock.jump(-days);
    await fixture.later();
    await fixture.delete("k");
    // The window begins anew with the right time, and is over after that.
    await rounds.full(call);
    await fixture.later();
    expect((await rounds.full(call)).result.removed).toBe(1);
    expect(Object.keys(fixture.files()).sort()).toEqual(["more", "most", "other"]);
  });
});

describe("a value that was written back with the stamp of another, and carried over", () => {
  const text = (said: string): Buffer => Buffer.from(said);
  const binary = (said: string): Buffer => Buffer.concat([Buffer.from([0xff, 0xfe]), text(said)]);
  const kinds = { text, binary } as const;

  /** Somebody writes `bytes` with the metadata that the key had before. */
  async function writeBack(key: string, bytes: Buffer, metadata: string): Promise<void> {
    const body = { byteLength: bytes.byteLength, chunks: () => [bytes] };
    await fixture.api.writeValue(await fixture.namespaceId(), key as never, body, { metadata });
  }
  const stampOf = async (key: string): Promise<string> =>
    JSON.stringify(await fixture.api.readMetadata(await fixture.namespaceId(), key as never));

  it.each(["text", "binary"] as const)("(%s) after a conflict, leaves nothing to be settled", async (kind) => {
    const rounds = openRounds();
    fixture.writeBytes("k", kinds[kind]("first"));
    fixture.write({ other: "1" });
    await rounds.full(call);
    await fixture.later();
    await writeBack("k", kinds[kind]("theirs"), await stampOf("k"));
    fixture.writeBytes("k", kinds[kind]("mine"));
    // A binary one is believed when it has stayed so for a window.
    await rounds.dirty(["k"], call);
    await fixture.later();
    await rounds.dirty(["k"], call);
    expect(readFileSync(join(fixture.folder, "k"))).toEqual(kinds[kind]("theirs"));
    await fixture.later();
    const { result, problems } = await rounds.full(call);
    expect([result.lagging, result.unseen, result.unchanged, problems]).toEqual([0, 0, 2, []]);
  });

  it.each(["text", "binary"] as const)("(%s) under the stamp of the version before, does so, too", async (kind) => {
    const rounds = openRounds();
    fixture.writeBytes("k", kinds[kind]("first"));
    fixture.write({ other: "1" });
    await rounds.full(call);
    await fixture.later();
    const first = await stampOf("k");
    fixture.writeBytes("k", kinds[kind]("second"));
    await rounds.full(call);
    await fixture.later();
    await writeBack("k", kinds[kind]("theirs"), first);
    await rounds.full(call);
    await fixture.later();
    const { result, problems } = await rounds.full(call);
    expect(readFileSync(join(fixture.folder, "k"))).toEqual(kinds[kind]("theirs"));
    expect([result.lagging, result.unchanged, problems]).toEqual([0, 2, []]);
  });

  it.each(["text", "binary"] as const)("(%s) or one that waits for a person, does so, too", async (kind) => {
    const rounds = fixture.rounds({ mode: "two-way", conflict: "hold", settleWindowMs: WINDOW });
    fixture.writeBytes("k", kinds[kind]("first"));
    fixture.write({ other: "1" });
    await rounds.full(call);
    await fixture.later();
    const first = await stampOf("k");
    fixture.writeBytes("k", kinds[kind]("second"));
    await rounds.full(call);
    await fixture.later();
    fixture.writeBytes("k", kinds[kind]("mine"));
    await writeBack("k", kinds[kind]("theirs"), first);
    await rounds.full(call);
    await fixture.later();
    const { result, problems } = await rounds.full(call);
    expect([result.lagging, result.conflicts, problems]).toEqual([0, 1, []]);
  });
});
