// Who may do what on the page: without a login one may look, and is told how to get one; with a link one is logged in, once.

import { afterAll, beforeAll, expect, it } from "vitest";
import { go, PageFixture } from "./page-fixture.ts";

const daemon = new PageFixture();

beforeAll(async () => {
  daemon.config();
  daemon.writeMany(3);
  await daemon.serve();
  await daemon.untilState("in-step", "app");
});

afterAll(() => daemon.close());

it("without a login all is shown, nothing can be pressed, and it says how to get one", async () => {
  const page = await daemon.visit();
  await page.goto(new URL("/", await daemon.link()).href);
  await page.getByRole("heading", { name: "app", exact: true }).waitFor();
  for (const screen of ["mappings", "mapping?name=app", "history", "trash", "backups", "accounts"]) {
    await go(page, `#/${screen}`);
    await page.getByText("kvsync page").first().waitFor();
    const buttons = await page.getByRole("button").allInnerTexts();
    expect(buttons.filter((text) => !/^(\d|Show|Filter)/.test(text))).toEqual([]);
  }
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ op: "sync", mappings: ["app"] });
    return (await fetch("/api", { method: "POST", headers: { "content-type": "application/json" }, body })).status;
  });
  expect(status).toBe(401);
});

it("a link logs in once, and logging out ends that", async () => {
  const page = await daemon.visit();
  const link = await daemon.link();
  await page.goto(link);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Sync now: app" }).waitFor();

  const other = await daemon.visit();
  await other.goto(link);
  await other.getByRole("button", { name: "Log in" }).click();
  await other.getByText("kvsync page").waitFor();
  await other.goto(new URL("/", link).href);
  await other.getByText("You may look").waitFor();

  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You may look").waitFor();
  expect(await page.getByRole("button", { name: "Sync now: app" }).count()).toBe(0);
});

it("the page says that it is not told any more, and goes on when the daemon is back", async () => {
  const page = await daemon.logIn();
  const { port } = new URL(page.url());
  await daemon.stop();
  await page.locator(".connection").getByText("reconnecting").waitFor();
  await daemon.start("--page", `127.0.0.1:${port}`, "--json");
  await page.locator(".connection").getByText("live").waitFor();
  await page.getByText("You may look").waitFor();
});
