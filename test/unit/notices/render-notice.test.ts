// A notice as people read it in a chat, and what of it is for programs.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { hideSecret } from "../../../src/core/redact.ts";
import { encodeNotice } from "../../../src/notices/encode-notice.ts";
import type { Notice, NoticeItem } from "../../../src/notices/notice.ts";

const AT = 1_800_000_000_000 as EpochMs;
const MINUTE = 60_000;

function item(event: NoticeItem["event"], mapping: string | null, more: Partial<NoticeItem> = {}): NoticeItem {
  const since = (AT - 12 * MINUTE) as EpochMs;
  return {
    event,
    mapping,
    backup: null,
    account: null,
    since,
    message: "",
    hint: null,
    command: null,
    again: false,
    ...more,
  };
}

const failing = (mapping: string): NoticeItem =>
  item("failing", mapping, { message: "could not reach api.example: the connection was refused", code: "network" });

function encode(...items: readonly NoticeItem[]): Notice {
  const { id, body } = encodeNotice(items, { target: "chat", at: AT, host: "kv-1", stateDir: "/s" });
  const notice = JSON.parse(body) as Notice;
  expect(notice.id).toBe(id);
  return notice;
}

describe("the text of a notice", () => {
  it("says in the first line how much of what, and has a line for each thing, what waits for a person first", () => {
    const { text } = encode(
      failing("users"),
      item("recovered", "sessions", { was: "failing", message: "no longer failing" }),
      item("backup-old", null, {
        backup: "nightly",
        message: "it was complete 2d ago",
        command: "kvsync backup nightly",
      }),
      item("conflict", "notes", {
        message: "both sides had changed the same keys",
        count: 7,
        keys: ["a", "b", "c", "d", "e", "f", "g"],
      }),
    );
    expect(text.split("\n")).toEqual([
      "kvsync on kv-1: 1 with conflicts, 1 failing, 1 too old, 1 in order again",
      "- notes: both sides had changed the same keys: a, b, c, d, e and 2 more",
      "- users fails for 12m: could not reach api.example: the connection was refused (network)",
      "- backup nightly is too old: it was complete 2d ago; kvsync backup nightly",
      "- sessions: no longer failing",
    ]);
  });

  it("has one line for all that fail alike", () => {
    const { text, items } = encode(...Array.from({ length: 30 }, (_, i) => failing(`m${i}`)));
    expect(items).toHaveLength(30);
    expect(text.split("\n")[1]).toBe(
      "- m0, m1, m2, m3, m4 and 25 more fail for 12m: could not reach api.example: the connection was refused (network)",
    );
  });

  it("is bounded, and so are the items, and both say how much there is besides", () => {
    const { text, items, moreItems } = encode(
      ...Array.from({ length: 250 }, (_, i) => ({ ...failing(`m${i}`), message: `reason ${i}` })),
    );
    expect(text.split("\n")).toHaveLength(42);
    expect(text).toMatch(/^- \.\.\. and 210 more: kvsync status$/m);
    expect([items.length, moreItems]).toEqual([200, 50]);
  });

  it("shows control characters of keys, which are other people's text", () => {
    const { text } = encode(item("conflict", "notes", { message: "m", count: 1, keys: ["a\n- all is well\u202e"] }));
    expect(text.split("\n")).toHaveLength(2);
    expect(text).toContain(String.raw`a\x0a- all is well\u202e`);
  });

  it("says of what was told before that it lasts", () => {
    const { text } = encode({ ...failing("users"), again: true });
    expect(text).toContain("users fails still for 12m");
  });
});

it("a notice shows no secret, whatever message quotes it", () => {
  hideSecret("secret-of-a-notice");
  const notice = encode({ ...failing("users"), message: "the token secret-of-a-notice was refused" });
  expect(JSON.stringify(notice)).not.toContain("secret-of-a-notice");
  expect(notice.text).toContain("the token [secret] was refused");
});
