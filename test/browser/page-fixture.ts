// A daemon that serves its page, and browsers that look at it. What must never happen on the page is looked for in each: an error of a script,
// a dialog that a script opened, something that the page's policy forbids, a request to another host.

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { inject } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

/** Many mappings take a while to be looked at for the first time. */
const STATE_MS_MAX = 60_000;

export class PageFixture extends DaemonFixture {
  /** What must not happen, and did. */
  readonly trouble: string[] = [];
  #browser: Browser | undefined;

  /** Starts the daemon with its page at a free port. */
  async serve(...args: readonly string[]): Promise<void> {
    await this.start("--page", "127.0.0.1:0", "--json", ...args);
  }

  override async close(): Promise<void> {
    await this.#browser?.close();
    await super.close();
  }

  /** Waits until each of these mappings stands so. */
  async untilState(state: string, ...mappings: readonly string[]): Promise<void> {
    await this.until(async () => {
      const stood = records((await this.run("status", "--json")).stdout);
      return mappings.every((name) => stood.some(({ mapping, state: now }) => mapping === name && now === state));
    }, STATE_MS_MAX);
  }

  /** A one-time link. */
  async link(): Promise<string> {
    const { stdout, stderr } = await this.run("page", "--json");
    const url = records(stdout).at(-1)?.["url"];
    if (typeof url !== "string") throw new Error(`there is no link: ${stdout}${stderr}`);
    return url;
  }

  /** A browser of its own, which nobody has logged in. */
  async visit(options: BrowserContextOptions = {}): Promise<Page> {
    this.#browser ??= await chromium.connect(inject("browserEndpoint"));
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    this.#watch(page);
    return page;
  }

  /** A browser that is logged in by a link, and shows `hash`. */
  async logIn(hash = "", options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.visit(options);
    const url = await this.link();
    await page.goto(url);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL((at) => at.pathname === "/");
    if (hash !== "") await go(page, hash);
    await page.getByRole("button", { name: "Log out" }).waitFor();
    return page;
  }

  #watch(page: Page): void {
    const note = (what: string): void => void this.trouble.push(what);
    page.on("pageerror", (error) => note(`error: ${error.stack ?? error.message}`));
    page.on("dialog", (dialog) => {
      note(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      const text = message.text();
      if (/content security policy|refused to/i.test(text)) note(`policy: ${text}`);
      else if (message.type() === "error" && !/status of 401/.test(text)) note(`console: ${text}`);
    });
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") note(`request: ${request.url()}`);
    });
  }
}

export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => void (location.hash = to), hash);
}
