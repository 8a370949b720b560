import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ShownValue } from "../../../src/page/contract.ts";
import { diffValues, NO_LINE_END } from "../../../src/page/value-diff.ts";

function text(value: string): ShownValue {
  return { encoding: "utf8", text: value, bytes: Buffer.byteLength(value), truncated: false };
}

function binary(bytes: Uint8Array): ShownValue {
  return { encoding: "base64", text: Buffer.from(bytes).toString("base64"), bytes: bytes.byteLength, truncated: false };
}

/** Rows as `=a`, `-a`, `+b` and `~a|b`. */
function summary(local: ShownValue | null, remote: ShownValue | null): readonly string[] {
  return diffValues(local, remote).rows.map(({ kind, local, remote }) => {
    if (kind === "same") return `=${local?.text}`;
    if (kind === "local") return `-${local?.text}`;
    return kind === "remote" ? `+${remote?.text}` : `~${local?.text}|${remote?.text}`;
  });
}

describe("two texts", () => {
  it("are compared line by line, what is beside each other as a change", () => {
    expect(summary(text("a\nb\nc\nd\n"), text("a\nB\nc\nd\ne\n"))).toEqual(["=a", "~b|B", "=c", "=d", "+e"]);
  });

  it("tell where a line differs, by whole characters", () => {
    const [row] = diffValues(text("port: 8080 👩 x\n"), text("port: 9080 👨 x\n")).rows;
    expect(row?.local?.text.slice(row.local.differs?.from, row.local.differs?.to)).toBe("8080 👩");
    expect(row?.remote?.text.slice(row.remote.differs?.from, row.remote.differs?.to)).toBe("9080 👨");
  });

  it("differ if only one of them ends its last line", () => {
    expect(summary(text("a\nb"), text("a\nb\n"))).toEqual(["=a", `~b${NO_LINE_END}|b`]);
  });

  it("are shown whole if there is only one", () => {
    expect(summary(null, text("a\nb\n"))).toEqual(["+a", "+b"]);
    expect(summary(text("a\n"), null)).toEqual(["-a"]);
    expect(summary(null, null)).toEqual([]);
  });

  it("that differ too much for a search have their equal lines, where they stand beside each other, as such", () => {
    const lines = (mark: string): string =>
      Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? `line ${i}` : `${mark} ${i}`)).join("\n");
    const { rows, limit } = diffValues(text(lines("a")), text(lines("b")));
    expect(limit).toBe("they differ too much to be compared but line for line");
    expect(rows.filter(({ kind }) => kind === "same")).toHaveLength(1000);
  });

  it("that have nothing in common, and are long, are put beside each other without a search", () => {
    const many = (word: string): string => Array.from({ length: 4000 }, (_, i) => `${word} ${i}\n`).join("");
    const diff = diffValues(text(many("a")), text(many("b")));
    expect(diff.rows).toHaveLength(4000);
    expect(diff.limit).toBe("they differ too much to be compared but line for line");
  });

  it("of more lines than anybody reads are cut, and say so", () => {
    const long = "line\n".repeat(20_000);
    const diff = diffValues(text(long), text(long));
    expect(diff.rows).toHaveLength(5000);
    expect(diff.limit).toBe("only the first part of the values is shown");
  });

  it("are both there in the rows, whatever they are", () => {
    const lines = fc.array(fc.constantFrom("a", "b", "c", "", "a b"), { maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const of = (lines: readonly string[]): ShownValue => text(lines.map((line) => `${line}\n`).join(""));
        const { rows } = diffValues(of(a), of(b));
        expect(rows.flatMap(({ local }) => (local === undefined ? [] : [local.text]))).toEqual(a);
        expect(rows.flatMap(({ remote }) => (remote === undefined ? [] : [remote.text]))).toEqual(b);
        const numbers = rows.flatMap(({ remote }) => (remote === undefined ? [] : [remote.number]));
        expect(numbers).toEqual(b.map((_, i) => i + 1));
      }),
    );
  });
});

it("values of which one is no text are compared as bytes", () => {
  const diff = diffValues(binary(Uint8Array.of(0, 1, 255, 65)), text("A\n"));
  expect(diff.isBinary).toBe(true);
  expect(diff.rows.map(({ local }) => local?.text.trimEnd())).toEqual([
    expect.stringMatching(/^00000000 {2}00 01 ff 41 +\.\.\.A$/),
  ]);
});
