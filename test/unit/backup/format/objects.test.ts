import { describe, expect, it } from "vitest";
import { decodeConfig, encodeConfig } from "../../../../src/backup/format/config-object.ts";
import { decodeIndex, encodePackIndex, type PackIndex } from "../../../../src/backup/format/index-object.ts";
import {
  decodeKeyObject,
  encodeKeyObject,
  keyObjectName,
  unwrapKey,
} from "../../../../src/backup/format/key-object.ts";
import { idOfName } from "../../../../src/backup/format/object-names.ts";
import { decodeTable, encodeTableLine, type TableLine } from "../../../../src/backup/format/pack-table.ts";
import { decodeSnapshot, encodeSnapshot } from "../../../../src/backup/format/snapshot-object.ts";
import { sha256Of } from "../../../../src/core/fingerprint.ts";
import { SNAPSHOT } from "../../../support/repository-fixture.ts";

const id = "ab".repeat(32);

describe("the id of an object's name", () => {
  it.each([
    [`packs/ab/${id}`, id],
    [`marks/${id}`, id],
    [id, undefined],
    [`packs/cd/${id}`, undefined],
    [`packs/packs/ab/${id}`, undefined],
    [`marks/${id.toUpperCase()}`, undefined],
    [`marks/${id}0`, undefined],
    [`marks/${id.slice(1)}`, undefined],
    [`marks/${id}.tmp`, undefined],
    ["", undefined],
  ])("%s", (name, expected) => expect(idOfName(name)).toBe(expected));
});

describe("config.json", () => {
  const config = { id: "0".repeat(32), created: "2026-11-28T12:00:00.000Z", key: undefined };
  const signed = (text: string) => Buffer.from(`${text},"sha256":"${sha256Of(Buffer.from(text))}"}\n`);

  it.each([config, { ...config, key: "keys/0123456789abcdef" }])("is read as it was written: %o", (facts) => {
    expect(decodeConfig(encodeConfig(facts), "here")).toEqual(facts);
  });

  it("is as the format says", () => {
    const text =
      '{"kvsync":"repository","version":1,"id":"00000000000000000000000000000000","created":"2026-11-28T12:00:00.000Z","encryption":null';
    expect(encodeConfig(config)).toEqual(signed(text));
  });

  it.each([
    ["nothing", Buffer.alloc(0), "config.json of here is not as it was written"],
    ["no digest", Buffer.from('{"kvsync":"repository","version":1}\n'), "config.json of here is not as it was written"],
    ["no UTF-8", Buffer.from([0xff, 0x7b]), "config.json of here is not as it was written"],
    [
      "another version",
      signed('{"kvsync":"repository","version":2'),
      "here is a repository of a newer version of kvsync",
    ],
    ["another kind", signed('{"kvsync":"notes","version":1'), "here is a repository of a newer version of kvsync"],
    [
      "another cipher",
      signed('{"kvsync":"repository","version":1,"id":"0","created":"","encryption":"rot13","key":"keys/0"'),
      "config.json of here says what no kvsync writes",
    ],
    [
      "no key",
      signed('{"kvsync":"repository","version":1,"id":"0","created":"","encryption":"aes-256-gcm"'),
      "config.json of here says what no kvsync writes",
    ],
  ])("of %s is refused", (_, bytes, message) => expect(() => decodeConfig(bytes, "here")).toThrow(message));
});

describe("a key object", () => {
  const masterKey = Buffer.alloc(32, 7);
  const wrap = {
    masterKey,
    passphrase: "a passphrase",
    repositoryId: "1".repeat(32),
    created: "2026-11-28T12:00:00.000Z",
  };

  it("gives the master key for its passphrase and its repository only", async () => {
    const bytes = await encodeKeyObject(wrap);
    const key = decodeKeyObject(bytes, keyObjectName(bytes));
    if (typeof key === "string") throw new Error(key);
    expect(key.kdf).toMatchObject({ memoryKiB: 65_536, passes: 3, parallelism: 1 });
    expect(await unwrapKey(key, wrap)).toEqual(masterKey);
    expect(await unwrapKey(key, { ...wrap, passphrase: "another" })).toBeUndefined();
    expect(await unwrapKey(key, { ...wrap, repositoryId: "2".repeat(32) })).toBeUndefined();
  });

  it.each([
    ["a newer version", { version: 2 }, "newer"],
    ["another function", { kdf: { name: "argon3" } }, "newer"],
    [
      "hours of work",
      { kdf: { name: "argon2id", memoryKiB: 65_536, passes: 1e9, parallelism: 1, salt: "AAAA" } },
      "damaged",
    ],
    ["all memory", { kdf: { name: "argon2id", memoryKiB: 1e9, passes: 1, parallelism: 1, salt: "AAAA" } }, "damaged"],
    ["no work", { kdf: { name: "argon2id", memoryKiB: 65_536, passes: 0, parallelism: 1, salt: "AAAA" } }, "damaged"],
    ["a short nonce", { nonce: "AAAA" }, "damaged"],
    ["a short key", { wrapped: "AAAA" }, "damaged"],
    ["no key", { wrapped: undefined }, "damaged"],
  ])("that asks for %s is none", async (_, change, expected) => {
    const object = JSON.parse((await encodeKeyObject(wrap)).toString()) as object;
    const bytes = Buffer.from(JSON.stringify({ ...object, ...change }));
    expect(decodeKeyObject(bytes, keyObjectName(bytes))).toBe(expected);
  });
});

describe("the table of a pack", () => {
  const lines: readonly TableLine[] = [
    { kind: "values", stored: 1234, sizes: [171, 0, 93], base: undefined },
    { kind: "values", stored: 13, sizes: [], base: undefined },
    { kind: "page", stored: 310, sizes: [70_112], base: id },
    { kind: "page", stored: 310, sizes: [70_112], base: undefined },
  ];
  it("is read as it was written", () => {
    expect(decodeTable(Buffer.from(lines.map(encodeTableLine).join("")))).toEqual(lines);
    expect(decodeTable(Buffer.alloc(0))).toEqual([]);
  });
  it.each([
    "{",
    "[]",
    '{"kind":"value","stored":1,"sizes":[1]}',
    '{"kind":"values","stored":-1,"sizes":[1]}',
    '{"kind":"values","stored":1.5,"sizes":[1]}',
    '{"kind":"values","stored":1,"sizes":["1"]}',
    '{"kind":"values","stored":1,"sizes":[-1]}',
    '{"kind":"values","stored":1}',
    '{"kind":"page","stored":1,"sizes":[]}',
    '{"kind":"page","stored":1,"sizes":[1,2]}',
    '{"kind":"page","stored":1,"sizes":[1],"base":"ab"}',
    `{"kind":"values","stored":1,"sizes":[1],"base":"${id}"}`,
  ])("is not %s", (line) => expect(decodeTable(Buffer.from(line))).toBeUndefined());
});

describe("an index object", () => {
  const ids = Buffer.from("0123456789abcdeffedcba9876543210");
  const index: PackIndex = {
    pack: id,
    size: 5000,
    blocks: [
      { at: 40, kind: "values", stored: 1234, sizes: [171, 0], base: undefined, ids },
      { at: 1274, kind: "page", stored: 310, sizes: [70_112], base: "cd".repeat(32), ids: ids.subarray(0, 16) },
    ],
  };
  const pack = encodePackIndex(index).toString();

  it("is read as it was written, pack after pack", () => {
    const lines = [{ kind: "pack", pack: id, size: 5000 }, ...index.blocks.map((block) => ({ kind: "block", block }))];
    expect([...decodeIndex(Buffer.from(pack + pack))]).toEqual([...lines, ...lines]);
  });

  it.each([
    ["a block of no pack", pack.slice(pack.indexOf("\n") + 1), [undefined]],
    ["a pack of no name", '{"pack":"ab","size":1}\n', [undefined]],
    ["half a line", pack.slice(0, -10), [expect.anything(), expect.anything(), undefined]],
    ["too few ids", pack.replace(ids.toString("base64"), "AAAA"), [expect.anything(), undefined]],
  ])("of %s ends there", (_, text, expected) => expect([...decodeIndex(Buffer.from(text))]).toEqual(expected));
});

describe("a snapshot object", () => {
  const full = {
    ...SNAPSHOT,
    filter: { include: ["a*"] },
    tags: ["nightly"],
    parent: id,
    listed: [SNAPSHOT.listed[0], undefined] as const,
    pages: [{ id, entries: 1003 }],
  };
  it.each([SNAPSHOT, full])("is read as it was written", (snapshot) => {
    expect(decodeSnapshot(encodeSnapshot(snapshot))).toEqual(snapshot);
  });

  const change = (more: object): Buffer =>
    Buffer.from(JSON.stringify({ ...(JSON.parse(encodeSnapshot(full).toString()) as object), ...more }));
  it.each([
    [{ version: 2 }, "newer"],
    [{ kvsync: "page" }, undefined],
    [{ source: null }, undefined],
    [{ source: { ...full.source, prefix: 1 } }, undefined],
    [{ listed: [] }, undefined],
    [{ complete: "yes" }, undefined],
    [{ entries: -1 }, undefined],
    [{ root: "ab" }, undefined],
    [{ parent: "ab" }, undefined],
    [{ pages: [{ id: "ab", entries: 1 }] }, undefined],
    [{ pages: [{ id }] }, undefined],
    [{ tags: [1] }, undefined],
  ])("with %o is none", (more, expected) => expect(decodeSnapshot(change(more))).toBe(expected));
});
