// One Chromium for all tests of a run: the system's, since none is fetched. Each test has a profile of its own in it.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { env } from "node:process";
import { chromium } from "playwright-core";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the tests reach the browser. */
    browserEndpoint: string;
  }
}

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** Called by vitest before the first test file; what it returns, after the last. */
export async function setup(vitest: TestProject): Promise<() => Promise<void>> {
  const server = await chromium.launchServer({ executablePath: findChromium() });
  vitest.provide("browserEndpoint", server.wsEndpoint());
  return () => server.close();
}

/** The environment's CHROMIUM, or the first one on the PATH. */
function findChromium(): string {
  const named = env["CHROMIUM"];
  if (named !== undefined && named !== "") return named;
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined)
    throw new Error("there is no chromium: apt install chromium, or set CHROMIUM to where it is");
  return found;
}
