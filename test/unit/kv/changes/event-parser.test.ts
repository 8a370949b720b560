import { describe, expect, it } from "vitest";
import { EVENT_BYTES_MAX, EventStreamError, openEventParser } from "../../../../src/kv/changes/event-parser.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("a stream of server-sent events", () => {
  it("is read whatever pieces it comes in", () => {
    const text = 'id: 7\nevent: changed\ndata: {"keys":["é"]}\n\n:\n\nid:8\r\ndata:a\r\ndata: b\r\n\r\n';
    const expected = [
      { name: "changed", data: '{"keys":["é"]}', id: "7" },
      { name: "message", data: "a\nb", id: "8" },
    ];
    const whole = bytes(text);
    for (let size = 1; size <= whole.byteLength; size++) {
      const parse = openEventParser();
      const events = [];
      for (let at = 0; at < whole.byteLength; at += size) events.push(...parse(whole.subarray(at, at + size)));
      expect(events).toEqual(expected);
    }
  });

  it("keeps what it was given when the memory of that is used again", () => {
    const parse = openEventParser();
    const memory = Buffer.from("data: on");
    parse(memory);
    memory.fill("x");
    expect(parse(bytes("e\n\n"))).toEqual([{ name: "message", data: "one", id: undefined }]);
  });

  it("has events without data dropped, and fields of other names left aside", () => {
    const parse = openEventParser();
    expect(parse(bytes("event: ready\n\nretry: 1\nid: 3\ndata\nnobody: knows\n\n"))).toEqual([
      { name: "message", data: "", id: "3" },
    ]);
  });

  it("is refused when a line has no end", () => {
    const parse = openEventParser();
    const piece = new Uint8Array(64 * 1024).fill(0x61);
    const endless = (): void => {
      for (let i = 0; i <= EVENT_BYTES_MAX / piece.byteLength + 1; i++) parse(piece);
    };
    expect(endless).toThrow(new EventStreamError("an event has over 4000000 bytes"));
  });

  it("is refused when an event has no end", () => {
    const parse = openEventParser(1000);
    expect(() => parse(bytes("data: x\n".repeat(200)))).toThrow(EventStreamError);
  });

  it("may hold comments for as long as it lives", () => {
    const parse = openEventParser(1000);
    for (let i = 0; i < 5000; i++) expect(parse(bytes(": still here\n"))).toEqual([]);
    expect(parse(bytes("data: x\n\n"))).toHaveLength(1);
  });

  it("is refused when it is not UTF-8", () => {
    const parse = openEventParser();
    expect(() => parse(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0x0a]))).toThrow("not UTF-8");
  });
});
