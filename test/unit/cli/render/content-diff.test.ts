import { describe, expect, it } from "vitest";
import { type Content, contentOf, renderContentDiff, TEXT_BYTES_MAX } from "../../../../src/cli/render/content-diff.ts";

const of = (bytes: string | Uint8Array, metadata?: string, expiration?: number): Content =>
  contentOf({ bytes: typeof bytes === "string" ? Buffer.from(bytes) : bytes, metadata, expiration });

const render = (before: Content, after: Content): Promise<string[]> =>
  renderContentDiff({ key: "k", before, after, names: { before: "the namespace", after: "the folder" } });

const HEAD = ["--- k (the namespace)", "+++ k (the folder)"];
const none: Content = { kind: "none" };

describe("how values differ", () => {
  it("shows text line by line, with what the side has as - and what it would get as +", async () => {
    const lines = await render(of("a\nb\nc\nd\ne\n"), of("a\nb\nc\nD\ne\n"));
    expect(lines).toEqual([...HEAD, "@@ -1,5 +1,5 @@", " a", " b", " c", "-d", "+D", " e"]);
  });

  it("tells a last line without a newline, as git diff does", async () => {
    const lines = await render(of("one"), of("two"));
    const noNewline = "\\ No newline at end of file";
    expect(lines).toEqual([...HEAD, "@@ -1 +1 @@", "-one", noNewline, "+two", noNewline]);
  });

  it("shows what is added or removed as a whole", async () => {
    expect(await render(none, of("x\n"))).toEqual(["--- (nothing in the namespace)", HEAD[1], "@@ -0,0 +1 @@", "+x"]);
    expect(await render(of("x\n"), none)).toEqual([HEAD[0], "+++ (nothing in the folder)", "@@ -1 +0,0 @@", "-x"]);
  });

  it("shows an expiration beyond every calendar as it is", () => {
    expect(of("v", undefined, 1e13)).toMatchObject({ attributes: "expiration: 10000000000000000\n" });
  });

  it("shows metadata and expiration, also where the value is the same", async () => {
    const lines = await render(of("x", '{"v":1}'), of("x", '{"v":2}', 1_900_000_000));
    expect(lines).toEqual([
      ...HEAD,
      "@@ -1 +1,2 @@",
      '-metadata: {"v":1}',
      '+metadata: {"v":2}',
      "+expiration: 2030-03-17T17:46:40.000Z",
    ]);
  });

  it.each([
    ["bytes that are no UTF-8", Uint8Array.of(0xff, 0xfe), "2 B, SHA-256 4c4e4c6b9bd3ca37"],
    ["a text with a zero byte", Uint8Array.of(0x61, 0), "2 B, SHA-256 ffe9aaeaa2a2d5048174df0b80599ef0"],
    ["a text that is too large", Buffer.alloc(TEXT_BYTES_MAX + 1, "x"), "976.6 KiB, SHA-256 "],
  ])("shows sizes and hashes of %s", async (_name, bytes, summary) => {
    const lines = await render(of("text"), of(bytes));
    expect(lines.slice(0, 2)).toEqual(HEAD);
    expect(lines[2]).toBe("-4 B, SHA-256 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
    expect(lines[3]).toMatch(new RegExp(`^\\+${summary.replace(/4c4e.*/, "[0-9a-f]{64}$")}`));
    expect(lines).toHaveLength(4);
  });

  it("shows sizes and hashes of texts that differ in too many lines", async () => {
    const lines = (prefix: string): Content => of(Array.from({ length: 9000 }, (_, i) => `${prefix}${i}\n`).join(""));
    const [, , before, after, ...rest] = await render(lines("a"), lines("b"));
    expect([before, after]).toEqual([
      expect.stringMatching(/^-51.* KiB, SHA/),
      expect.stringMatching(/^\+51.* KiB, SHA/),
    ]);
    expect(rest).toEqual([]);
  });

  it("shows a long text as a whole where the other side has nothing", async () => {
    const text = of(Array.from({ length: 3000 }, (_, i) => `${i}\n`).join(""));
    expect(await render(none, text)).toHaveLength(3 + 3000);
  });

  it("tells a value that could not be read", async () => {
    const lines = await render({ kind: "unread", reason: "is gone" }, of("x"));
    expect(lines[2]).toBe("-(not read: is gone)");
  });
});
