// A conflict is decided on the page, each way, by a person who sees both versions: what is chosen is then at both sides.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { embeddedValues } from "../support/embedded-values.ts";
import { go, PageFixture } from "./page-fixture.ts";

const KEYS = ["keep-local", "keep-remote", "keep-both"] as const;
const pictures = join(import.meta.dirname, "pictures");
const MODE = "account: local, mode: two-way, create: true, poll_interval: 1s, settle_window: 1s, conflict: hold";

const daemon = new PageFixture();
let page: Page;

function values(): Readonly<Record<string, string>> {
  return embeddedValues(join(daemon.dir, "state"), "app");
}

const versionOf = (side: string): string =>
  `name: shop\nport: ${side === "local" ? 9090 : 7070}\n<b>${side}</b>\nlast\n`;

beforeAll(async () => {
  daemon.config(`mappings: { app: { ${MODE} } }`);
  for (const key of KEYS) daemon.write(`kv/app/${key}`, "name: shop\nport: 8080\nlast\n");
  await daemon.serve();
  await daemon.untilState("in-step", "app");
  await daemon.stop();
  daemon.write("remote.json", JSON.stringify(KEYS.map((key) => ({ key, value: versionOf("remote") }))));
  await daemon.run("bulk", "put", "remote.json", "-n", "app");
  for (const key of KEYS) daemon.write(`kv/app/${key}`, versionOf("local"));
  await daemon.serve();
  page = await daemon.logIn("#/conflicts");
});

afterEach(() => expect(daemon.trouble).toEqual([]));

afterAll(() => daemon.close());

async function decide(key: string, keep: string): Promise<void> {
  await go(page, "#/conflicts");
  await page.getByRole("link", { name: key, exact: true }).click();
  await page.getByRole("heading", { name: `Conflict: ${key}` }).waitFor();
  await page.getByRole("button", { name: `Keep ${keep}…` }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: `Keep ${keep}` })
    .click();
  await page.locator(".toast.good").waitFor();
}

it("shows both versions beside each other, line by line, as text", async () => {
  await page.getByRole("link", { name: "keep-local", exact: true }).click();
  const diff = page.locator(".diff tbody");
  await diff.waitFor();
  expect(await diff.locator("tr.same .line.local bdi").allTextContents()).toEqual(["name: shop", "last"]);
  expect(await diff.locator("tr:not(.same) .line.local bdi").allTextContents()).toEqual(["port: 9090", "<b>local</b>"]);
  expect(await diff.locator("tr:not(.same) .line.remote bdi").allTextContents()).toEqual([
    "port: 7070",
    "<b>remote</b>",
  ]);
  mkdirSync(pictures, { recursive: true });
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: join(pictures, `conflict-${width}-light.png`), fullPage: true });
  }
  const widths = await diff.locator("tr.same .line").evaluateAll((cells) => cells.map((cell) => cell.clientWidth));
  expect(Math.max(...widths) - Math.min(...widths)).toBeLessThan(5);
  expect(await diff.locator("mark").first().textContent()).toBe("909");
});

it("keeps the local version", async () => {
  await decide("keep-local", "local");
  await daemon.until(() => values()["keep-local"] === versionOf("local"));
  expect(daemon.read("kv/app/keep-local")).toBe(versionOf("local"));
});

it("keeps the remote version", async () => {
  await decide("keep-remote", "remote");
  await daemon.until(() => daemon.read("kv/app/keep-remote") === versionOf("remote"));
  expect(values()["keep-remote"]).toBe(versionOf("remote"));
});

it("keeps both, and none is left to decide", async () => {
  await decide("keep-both", "both");
  await daemon.until(() => daemon.read("kv/app/keep-both") === versionOf("remote"));
  await go(page, "#/conflicts");
  await page.getByText("kept as a conflict copy").waitFor();
  expect(values()["keep-both"]).toBe(versionOf("remote"));
  expect(await page.getByText("waits for you").count()).toBe(0);
});
