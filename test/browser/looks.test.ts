// How the page looks and what an audit of accessibility says of it: each screen, on a phone and on a desk, light and dark. The pictures lie in
// test/browser/pictures/, for people to look at.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { go, PageFixture } from "./page-fixture.ts";

const pictures = join(import.meta.dirname, "pictures");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SCREENS = [
  "#/mappings",
  "#/mapping?name=sessions",
  "#/mapping?name=app",
  "#/conflicts",
  "#/history",
  "#/trash",
  "#/backups",
  "#/accounts",
] as const;
const WIDTHS = [390, 1280] as const;
const SCHEMES = ["light", "dark"] as const;
const MODE = "account: local, mode: two-way, create: true, poll_interval: 1s, settle_window: 1s";

const daemon = new PageFixture();

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  daemon.config(
    "mappings:",
    ...["app", "sessions", "de-DE-translations-of-the-shop", "flags"].map((name) => `  ${name}: { ${MODE} }`),
    `  assets: { ${MODE}, folder: ./not-mounted }`,
    "  notes: { account: local, mode: push, create: true, namespace: notes }",
    "repositories: { main: { store: ./backups } }",
    "backups:",
    "  nightly: { sources: [local:app], repository: main, at: '03:00', encryption: none }",
    "  hourly: { sources: [local:nowhere], repository: main, every: 1h, encryption: none }",
  );
  for (let i = 0; i < 40; i++) daemon.write(`kv/sessions/eu/user-${i}`, `session ${i}`);
  for (const folder of ["flags", "de-DE-translations-of-the-shop", "notes"]) daemon.write(`kv/${folder}/one`, "1");
  daemon.write("kv/app/config/server.json", '{"port":8080}');
  await daemon.serve();
  await daemon.untilState("in-step", "app", "sessions");
  daemon.write("kv/app/config/server.json", '{"port":9090}');
  daemon.write(`kv/app/${"a-long-name/".repeat(12)}end`, "long");
  daemon.remove("kv/sessions/eu");
  daemon.write("kv/sessions/us/new-user", "session");
  await daemon.untilState("hold", "sessions");
});

afterAll(() => daemon.close());

/** What axe finds, in a line each. */
async function findings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<{ violations: readonly Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly help: string;
      readonly nodes: readonly { readonly html: string }[];
    }
    const { violations } = await axe.run();
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" | ")}`);
  });
}

/** Wider than the window: it would have to be scrolled sideways. */
function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
}

async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => document.querySelector("h1") !== null && !document.body.innerText.includes("Loading…"),
  );
}

describe.each(SCHEMES)("in %s", (colorScheme) => {
  describe.each(WIDTHS)("at %d pixels", (width) => {
    const viewport = { width, height: width === 390 ? 844 : 900 };

    it("each screen fits, and axe finds nothing", async () => {
      const page = await daemon.logIn("", { colorScheme, viewport });
      const found: string[] = [];
      for (const screen of SCREENS) {
        await go(page, screen);
        await settled(page);
        const name = screen.replace(/\W+/g, "-").replace(/^-/, "");
        await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        found.push(...(await findings(page)).map((finding) => `${screen}: ${finding}`));
        if (await isTooWide(page)) found.push(`${screen}: is wider than the window`);
      }
      await go(page, "#/mapping?name=sessions");
      await page.getByRole("button", { name: /^Approve/ }).click();
      await page.screenshot({ path: join(pictures, `dialog-${width}-${colorScheme}.png`) });
      found.push(...(await findings(page)).map((finding) => `dialog: ${finding}`));
      await page.context().close();
      expect(found).toEqual([]);
    });
  });
});

it("nothing untoward happened meanwhile", () => expect(daemon.trouble).toEqual([]));
