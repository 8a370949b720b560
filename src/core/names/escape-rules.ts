// What a name must not hold, and the escapes that stand for it.
//
// An escape is `%`, any number of `25`, and a tail. Encoding turns a bad thing into an escape without a `25`, and gives
// an escape that a text holds already one `25` more; decoding takes one `25` away, or with none gives the bad thing back.
// So each rule maps all texts one to one onto the texts without its bad thing, and `foo%20bar` stays as it is, since
// `20` is no tail. No tail begins with `25` or holds a `%` that another rule could take for its own; each escape has one
// `%` (two only in the whole name `%2E%2E`): escapes never overlap, and rules can be applied one after another, the
// later ones to what the earlier ones made.

import type { NameScheme } from "./name-scheme.ts";

export interface EscapeRule {
  readonly encode: (text: string) => string;
  /** The inverse; undefined if `text` holds the bad thing as it is, which `encode` never yields. */
  readonly decode: (text: string) => string | undefined;
}

interface RuleParts {
  /** Matches a bad thing; with no characters of its own, the place where its escape's `%` goes. */
  readonly bad: string;
  /** `^` if escapes of this rule only count at the start of a name. */
  readonly start: "" | "^";
  readonly tail: string;
  readonly flags?: "i";
  readonly escape: (bad: string) => string;
  readonly unescape: (tail: string) => string;
}

function escapeRule({ bad, start, tail, flags = "" as "i", escape, unescape }: RuleParts): EscapeRule {
  const encodable = new RegExp(`${bad}|${start}%(?=(?:25)*(?:${tail}))`, `g${flags}`);
  const decodable = new RegExp(`${start}%25(?=(?:25)*(?:${tail}))|${start}%(?:${tail})`, `g${flags}`);
  const forbidden = new RegExp(bad, flags);
  return {
    encode: (text) => text.replace(encodable, (found) => (found === "%" ? "%25" : escape(found))),
    decode: (text) => {
      if (forbidden.test(text)) return undefined;
      return text.replace(decodable, (found) => (found.startsWith("%25") ? "%" : unescape(found.slice(1))));
    },
  };
}

const toHex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
const fromHex = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 16));

const nul = escapeRule({ bad: "\\0", start: "", tail: "00", escape: toHex, unescape: fromHex });

/** No file name can be empty: the segment between, before or after slashes. */
const empty = escapeRule({ bad: "^$", start: "^", tail: "$", escape: () => "%", unescape: () => "" });

const dots = escapeRule({
  bad: "^\\.\\.?$",
  start: "^",
  tail: "2E(?:%2E)?$",
  escape: (found) => found.replaceAll(".", "%2E"),
  unescape: (tail) => tail.replaceAll(/%?2E/g, "."),
});

/** What Windows refuses in names (learn.microsoft.com: "Naming Files, Paths, and Namespaces"), with NUL. */
const FORBIDDEN_ON_WINDOWS = '\\0-\\x1f<>:"\\\\|?*';

const forbidden = escapeRule({
  bad: `[${FORBIDDEN_ON_WINDOWS}]`,
  start: "",
  tail: "(?:[01][0-9A-F]|22|2A|3A|3C|3E|3F|5C|7C)",
  escape: toHex,
  unescape: fromHex,
});

/** Windows drops a trailing dot or space. "." and ".." fall under this as well. */
const trailing = escapeRule({ bad: "[. ]$", start: "", tail: "2[0E]$", escape: toHex, unescape: fromHex });

/** Names of devices, in any case, alone or with an extension, also with spaces before it. */
const DEVICE = "(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9\\xb9\\xb2\\xb3])(?= *(?:\\.|$))";

/** `con.txt` becomes `%con.txt`: the tail is the device's name itself. */
const device = escapeRule({
  bad: `^(?=${DEVICE})`,
  start: "^",
  tail: DEVICE,
  flags: "i",
  escape: () => "%",
  unescape: (tail) => tail,
});

/** The rules of a scheme in the order in which they encode. */
export const ESCAPE_RULES: Readonly<Record<NameScheme, readonly EscapeRule[]>> = {
  posix: [nul, empty, dots],
  portable: [forbidden, trailing, device, empty],
};

/** Texts that no rule changes and that end in no word of ours: nearly all. */
export const PLAIN_NAME: Readonly<Record<NameScheme, RegExp>> = {
  posix: /^(?!\.\.?$)[^%\0/]+$/,
  portable: new RegExp(`^(?!${DEVICE})[^%/${FORBIDDEN_ON_WINDOWS}]*[^%/${FORBIDDEN_ON_WINDOWS}. ]$`, "i"),
};

/** Whether a name that begins with `text` would be a device's on Windows. */
export const BEGINS_AS_DEVICE = new RegExp(`^${DEVICE}`, "i");
