// What people press on the page is seen to be done: in the folder, and at the remote.

import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { embeddedValues } from "../support/embedded-values.ts";
import { TWO_WAY } from "../support/daemon-process.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { go, PageFixture } from "./page-fixture.ts";

const daemon = new PageFixture();
const MANY = 40;
/** A backup of them takes 20 requests, of a server that takes its time. */
const BIG = 2000;
let far: TestServer;
let page: Page;

function values(name: string): Readonly<Record<string, string>> {
  return embeddedValues(join(daemon.dir, "state"), name);
}

/** What a backup is to read: values that it does not have. */
async function putBig(value: string): Promise<void> {
  const big = Array.from({ length: BIG }, (_, i) => ({ key: `key-${i}`, value: `${value} ${i}` }));
  daemon.write("big.json", JSON.stringify(big));
  await daemon.done("bulk", "put", "big.json", "-n", "far:big");
}

/** Has the mapping `name` held: all of its files are gone, and there is a new one. */
async function hold(name: string): Promise<void> {
  await daemon.atOnce(name, () => {
    daemon.remove(`kv/${name}`);
    daemon.write(`kv/${name}/new`, "new");
  });
  await go(page, `#/mapping?name=${name}`);
  await page.getByRole("region", { name: "The plan it is held with" }).waitFor();
}

function dialog(button: RegExp | string) {
  return page.getByRole("dialog").getByRole("button", { name: button });
}

function message(text: RegExp | string): Promise<void> {
  return page.locator(".toast").filter({ hasText: text }).waitFor();
}

beforeAll(async () => {
  far = await startTestServer();
  daemon.config(
    `mappings: { app: ${TWO_WAY}, to-approve: ${TWO_WAY}, to-discard: ${TWO_WAY} }`,
    "repositories: { main: { store: ./backups } }",
    "backups: { nightly: { sources: [local:app, far:big], repository: main, every: 30d, encryption: none } }",
  );
  const local = "accounts: { local: { endpoint: embedded }";
  const both = `${local}, far: { endpoint: "${far.url}", account_id: ${far.accountId}, api_token: ${far.token} }`;
  daemon.write("kvsync.yaml", daemon.read("kvsync.yaml").replace(local, both));
  for (const name of ["to-approve", "to-discard"]) {
    for (let i = 0; i < MANY; i++) daemon.write(`kv/${name}/key-${i}`, `value ${i}`);
  }
  daemon.write("kv/app/port", "8080");
  await far.createNamespace("big");
  await putBig("the first");
  await daemon.serve();
  await daemon.untilState("in-step", "app", "to-approve", "to-discard");
  // The daemon makes its first backup by itself.
  await daemon.until(async () => (await daemon.run("status", "--json")).stdout.includes(`"keys":${BIG + 1},`));
  page = await daemon.logIn();
});

afterEach(() => expect(daemon.trouble).toEqual([]));

afterAll(async () => {
  await daemon.close();
  await far.close();
});

describe("a plan that is held", () => {
  it("runs once it is approved, and what it removes can be restored", async () => {
    await hold("to-approve");
    const plan = page.getByRole("region", { name: "The plan it is held with" });
    await plan.getByText(`To remove: ${MANY} keys`).waitFor();
    await plan
      .locator(".plan.remove li")
      .nth(MANY - 1)
      .waitFor();
    expect(await plan.locator(".plan.remove li").count()).toBe(MANY);
    expect(Object.keys(values("to-approve"))).toHaveLength(MANY);

    await plan.getByRole("button", { name: /^Approve/ }).click();
    const id = (await plan.getByRole("heading").innerText()).split(" ").at(-1)!;
    expect(await page.getByRole("dialog").innerText()).toContain(`Plan ${id}: ${MANY} to remove, 1 to write.`);
    await dialog(`Approve ${id}`).click();
    await daemon.until(() => Object.keys(values("to-approve")).join() === "new");

    await go(page, "#/trash?mapping=to-approve&prefix=key-7");
    await page.getByRole("button", { name: "Restore…: key-7" }).click();
    await dialog("Restore").click();
    await message("restored to");
    await daemon.until(() => daemon.has("kv/to-approve/key-7") && values("to-approve")["key-7"] === "value 7");
  });

  it("is gone once it is discarded: nothing is done, and the mapping is paused", async () => {
    await hold("to-discard");
    await page.getByRole("button", { name: /^Discard/ }).click();
    await dialog(/^Discard/).click();
    await message("is discarded, and the mapping is paused");
    await page.getByRole("button", { name: "Resume: to-discard" }).waitFor();
    expect(await daemon.stateOf("to-discard")).toBe("paused");
    expect(Object.keys(values("to-discard"))).toHaveLength(MANY);
  });

  it("is approved by keys alone, and Esc leaves the question", async () => {
    await daemon.atOnce("app", () => daemon.remove("kv/app/port"));
    await go(page, "#/mapping?name=app");
    const approve = page.getByRole("button", { name: /^Approve/ });
    await approve.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await approve.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await daemon.until(() => Object.keys(values("app")).length === 0);
  });
});

describe("a mapping", () => {
  it("that is paused does nothing until it is resumed", async () => {
    await go(page, "#/mappings");
    await page.getByRole("button", { name: "Pause: app" }).click();
    await page.getByRole("textbox", { name: /^Why/ }).fill("moving the disk <b>");
    await dialog("Pause").click();
    await page.getByText("moving the disk <b>").waitFor();
    daemon.write("kv/app/while-paused", "1");
    expect(await daemon.stateOf("app")).toBe("paused");
    expect(values("app")["while-paused"]).toBeUndefined();

    await page.getByRole("button", { name: "Resume: app" }).click();
    await daemon.until(() => values("app")["while-paused"] === "1");
    await page.getByRole("button", { name: "Pause: app" }).waitFor();
  });

  it("is looked at now if one asks for it", async () => {
    await go(page, "#/mappings");
    await page.getByRole("button", { name: "Sync now: app" }).click();
    await message(/^app: looked at, 0 written, 0 removed/);
  });
});

it("a backup is made now, its progress is shown, and it is in the repository", async () => {
  await putBig("the second");
  far.setFaults({ rules: [{ kind: "slow", operations: ["bulkGet"], delayMs: 3000 }] });
  await go(page, "#/backups");
  const card = page.getByRole("region", { name: "Backup nightly" });
  await card.getByRole("button", { name: "Back up now: nightly" }).click();
  await message("backup nightly has begun");
  const progress = card.getByText(/far:big: [\d,]+( of [\d,]+)? keys/);
  await progress.waitFor();
  far.setFaults({});
  await progress.waitFor({ state: "detached" });
  await card.getByText(/: 2,00\d keys/).waitFor();
  const { stdout } = await daemon.run("snapshots", "main", "--json");
  expect(stdout).toContain("far:big");
});
