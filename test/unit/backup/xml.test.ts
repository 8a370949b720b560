import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseListingPage } from "../../../src/backup/store/s3-listing.ts";
import { childText, parseXml } from "../../../src/backup/store/xml.ts";

const leaf = (name: string, text: string) => ({ name, text, children: [] });

describe("XML", () => {
  it.each([
    ["<a/>", leaf("a", "")],
    ["<a>x</a>", leaf("a", "x")],
    ['\uFEFF<?xml version="1.0"?>\n<!-- > --><a b="1 > 2" c=\'/\'>x</a>\n', leaf("a", "x")],
    ["<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a>", leaf("a", "<&>\"'A\u{1F600}")],
    ["<a>1<![CDATA[<b>&amp;]]>2</a>", leaf("a", "1<b>&amp;2")],
    ["<a>\r\n<b>x</b ><b/></a>", { name: "a", text: "\r\n", children: [leaf("b", "x"), leaf("b", "")] }],
  ])("is read: %j", (text, element) => expect(parseXml(text)).toEqual(element));

  it.each([
    "",
    "x",
    "<",
    "<a>",
    "</a>",
    "<a></b>",
    "<a/><b/>",
    "<a>&x;</a>",
    "<a>& b</a>",
    "<a>&#x110000;</a>",
    "<a/>x",
    "<a",
    "<html><br></html>",
    "<a>".repeat(30) + "</a>".repeat(30),
  ])("is none: %j", (text) => expect(parseXml(text)).toBeUndefined());

  it("carries any text", () => {
    const escape = (text: string): string => text.replaceAll(/[<&>]/g, (char) => `&#${char.charCodeAt(0)};`);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const parsed = parseXml(`<a><b>${escape(text)}</b></a>`);
        expect(parsed && childText(parsed, "b")).toBe(text);
      }),
    );
  });

  it("is read in time whatever it is", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom("<a", ">", "</a>", "<!--", "-->", "<![CDATA[", "]]>", '"', " ", "&", "/>", "?>", "<?"),
        ),
        (parts) => {
          parseXml(parts.join(""));
        },
      ),
    );
    expect(parseXml(`<a ${" x".repeat(100_000)}`)).toBeUndefined();
    expect(parseXml("<!--".repeat(100_000))).toBeUndefined();
  });
});

describe("a page of a listing", () => {
  const page = (inner: string) => parseListingPage(parseXml(`<ListBucketResult>${inner}</ListBucketResult>`));
  const one =
    "<Contents><Key>a%2Bb</Key><Size>3</Size><LastModified>2026-11-28T16:00:00.000Z</LastModified></Contents>";

  it("has objects, and where it goes on", () => {
    const modified = Date.UTC(2026, 10, 28, 16);
    expect(page(`${one}<IsTruncated>false</IsTruncated>`)).toEqual({
      objects: [{ name: "a%2Bb", size: 3, modified }],
      next: undefined,
    });
    expect(
      page(
        `<EncodingType>url</EncodingType>${one}<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>`,
      ),
    ).toEqual({
      objects: [{ name: "a+b", size: 3, modified }],
      next: "x",
    });
  });

  it.each([
    one,
    `${one}<IsTruncated>true</IsTruncated>`,
    `${one}<IsTruncated>true</IsTruncated><NextContinuationToken/>`,
    `${one.replace("3", "x")}<IsTruncated>false</IsTruncated>`,
    `${one.replace(/<Last.*d>/, "")}<IsTruncated>false</IsTruncated>`,
    `<EncodingType>url</EncodingType>${one.replace("%2B", "%")}<IsTruncated>false</IsTruncated>`,
  ])("is none if it lacks what it must say: %s", (inner) => expect(page(inner)).toBeUndefined());

  it("is no other document", () => {
    expect(parseListingPage(parseXml("<Error><IsTruncated>false</IsTruncated></Error>"))).toBeUndefined();
    expect(parseListingPage(undefined)).toBeUndefined();
  });
});
