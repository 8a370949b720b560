// Many mappings, of which one changes: what a person is about on the page is left alone.

import { afterAll, beforeAll, expect, it } from "vitest";
import { go, PageFixture } from "./page-fixture.ts";

const MAPPINGS = 60;

const daemon = new PageFixture();

beforeAll(async () => {
  const names = Array.from({ length: MAPPINGS }, (_, i) => `mapping-${String(i).padStart(3, "0")}`);
  daemon.config(
    "defaults: { poll_interval: 10m }",
    "mappings:",
    ...names.map((name) => `  ${name}: { account: local, mode: two-way, create: true }`),
  );
  for (const name of names) daemon.write(`kv/${name}/first`, "1");
  await daemon.serve();
  await daemon.untilState("in-step", ...names);
}, 240_000);

afterAll(() => daemon.close());

it("is filtered by what one types, and keeps focus, text and scroll position through live updates", async () => {
  const page = await daemon.logIn();
  const filter = page.getByRole("searchbox");
  await filter.fill("mapping-00");
  await page.getByText(`10 of ${MAPPINGS} mappings shown`).waitFor();
  await filter.fill("");
  const name = page.getByRole("link", { name: "mapping-050", exact: true });
  await name.focus();
  const scrolled = await page.evaluate(() => scrollY);
  expect(scrolled).toBeGreaterThan(1000);
  daemon.write("kv/mapping-003/another", "2");
  await daemon.until(() => daemon.storedKeys("mapping-003").includes("another"));
  await page.waitForFunction(() => document.querySelectorAll(".row").length === 60);
  expect(await name.evaluate((link) => link === document.activeElement)).toBe(true);
  expect(Math.abs((await page.evaluate(() => scrollY)) - scrolled)).toBeLessThan(50);

  await filter.fill("mapping-01");
  daemon.write("kv/mapping-003/third", "3");
  await daemon.until(() => daemon.storedKeys("mapping-003").includes("third"));
  expect(await filter.inputValue()).toBe("mapping-01");
  expect(await filter.evaluate((input) => input === document.activeElement)).toBe(true);
  await go(page, "#/history?mapping=mapping-003");
  await page.getByRole("link", { name: "third", exact: true }).waitFor();
  expect(daemon.trouble).toEqual([]);
});
