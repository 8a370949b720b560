// What a browser has to fetch for the status page.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";

const PAGE_BYTES_MAX = 100_000;

it("the page and all that it needs are under 100 kB", () => {
  const folder = join(inject("cliBundle"), "page");
  const files = readdirSync(folder);
  expect(files.toSorted()).toEqual(["icon.svg", "index.html", "page.css", "page.js"]);
  const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  expect(bytes).toBeLessThan(PAGE_BYTES_MAX);
});
