// Names and values that are made to be taken for something else: markup, scripts, marks of direction, control characters, and as long as a
// name can be. They are shown as text wherever they are shown, and nothing of them runs.

import { afterAll, beforeAll, expect, it } from "vitest";
import { TWO_WAY } from "../support/daemon-process.ts";
import { shown } from "../../src/page/texts.ts";
import { go, PageFixture } from "./page-fixture.ts";

const KEYS = 1000;
const KEY_BYTES = 512;
const PARTS = [
  "<script>document.title='pwned'</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=alert(1)>',
  "'-alert(1)-'",
  "javascript:alert(1)",
  "<iframe srcdoc='<script>parent.pwned=1</script>'>",
  "</title></table></ul></dialog><h1>",
  "&lt;b&gt;&amp;#x202e;",
  "{{constructor.constructor('alert(1)')()}}",
  "user\u202egnp.exe",
  "\u2066left\u2069\u200fright\u200b",
  "שלום/עולם",
  "a\u0000b\u0001\n\r\t\u001b[31mred\u009b2J",
  "<style>*{display:none}</style>",
  "<base href=//example.com><meta http-equiv=refresh content=0>",
  "__proto__",
  "%2e%2e/%00?#&=",
  "👩‍🚀".repeat(3),
];

function keyOf(i: number): string {
  const part = PARTS[i % PARTS.length]!;
  const start = `${String(i).padStart(4, "0")}/${part}/`;
  if (i % 5 !== 0) return `${start}end`;
  return start + "<b>".repeat(Math.floor((KEY_BYTES - Buffer.byteLength(start)) / 3));
}

const keys = Array.from({ length: KEYS }, (_, i) => keyOf(i));
const daemon = new PageFixture();

async function change(command: "put" | "delete", items: readonly unknown[]): Promise<void> {
  daemon.write("items.json", JSON.stringify(items));
  await daemon.done("bulk", command, "items.json", "-n", "app");
}

beforeAll(async () => {
  daemon.config(`mappings: { app: ${TWO_WAY} }`);
  daemon.write("kv/app/first", "1");
  await daemon.serve();
  await daemon.untilState("in-step", "app");
  await change(
    "put",
    keys.map((key) => ({ key, value: `<script>alert(${key.length})</script>` })),
  );
  await daemon.until(async () => (await daemon.run("history", "--limit", "2000")).stdout.split("\n").length > KEYS);
  // They come as one plan, however many requests the deletion takes.
  await daemon.atOnce("app", () => change("delete", keys));
  await daemon.untilState("hold", "app");
});

afterAll(() => daemon.close());

it("1,000 of them are shown as text in a plan, the history and the trash, and nothing of them runs", async () => {
  const page = await daemon.logIn("#/mapping?name=app");
  const expected = new Set(keys.map(shown));
  const plan = page.getByRole("region", { name: "The plan it is held with" });
  await plan
    .locator(".plan.remove li")
    .nth(KEYS - 1)
    .waitFor();
  const inPlan = await plan.locator(".plan.remove li bdi").allTextContents();
  expect(new Set(inPlan)).toEqual(expected);

  await plan.getByRole("button", { name: /^Approve/ }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Approve/ })
    .click();
  await daemon.untilState("in-step", "app");
  for (const screen of ["history", "trash"]) {
    await go(page, `#/${screen}?mapping=app`);
    const lines = page.locator(".lines tbody tr");
    const rows = page.locator(".lines .key a bdi");
    for (let most = 100; ; most += 100) {
      await lines.nth(most - 1).waitFor();
      if ((await rows.count()) >= KEYS) break;
      await page.getByRole("button", { name: "Show older ones" }).click();
    }
    const found = (await rows.allTextContents()).slice(0, KEYS);
    expect(found.filter((text) => !expected.has(text))).toEqual([]);
    expect(new Set(found).size).toBe(KEYS);
  }
  const markup = await page.evaluate(
    () => document.querySelectorAll("main :is(script, img, iframe, svg, style, base, meta, b, h1 ~ h1)").length,
  );
  expect(markup).toBe(0);
  expect(await page.title()).toBe("Trash · kvsync");
  expect(daemon.trouble).toEqual([]);
});

it("one of them has an address of its own, and is not wider than a phone", async () => {
  const page = await daemon.logIn("", { viewport: { width: 390, height: 844 } });
  const key = keys.find((one) => Buffer.byteLength(one) >= KEY_BYTES - 3 && one.includes("<iframe"))!;
  await go(page, `#/trash?${new URLSearchParams({ mapping: "app", key }).toString()}`);
  await page.getByRole("button", { name: /^Restore…/ }).waitFor();
  expect(await page.locator(".lines .key").allTextContents()).toEqual([shown(key)]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(daemon.trouble).toEqual([]);
});
