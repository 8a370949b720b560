// The command line that end-to-end tests start, bundled as it is published, once for a whole run of vitest: a bundle starts in
// a third of the time that the sources take. It lies inside the project, where the program looks for the files it is published
// with, beside a cache of compiled code that is as new as it is.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type InputOptions, rolldown } from "rolldown";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder that holds `main.js`. */
    cliBundle: string;
  }
}

const project = fileURLToPath(new URL("../../", import.meta.url));

/** Called by vitest before the first test file; what it returns, after the last. */
export async function setup(vitest: TestProject): Promise<() => void> {
  const cache = join(project, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const bundle = mkdtempSync(join(cache, "kvsync-e2e-"));
  // Tests may run it as another user.
  chmodSync(bundle, 0o755);
  await build(bundle);
  // As `npx vitest` does when a source has changed.
  vitest.onTestsRerun(() => build(bundle));
  vitest.provide("cliBundle", bundle);
  return () => rmSync(bundle, { recursive: true, force: true });
}

async function build(dir: string): Promise<void> {
  const input = { main: join(project, "src", "main.ts") };
  const options: InputOptions = JSON.parse(readFileSync(join(project, "bundle.json"), "utf8"));
  const bundle = await rolldown({ ...options, input, logLevel: "silent" });
  await bundle.write({ dir, format: "esm" });
  await bundle.close();
  const { buildPage }: { readonly buildPage: (dir: string) => Promise<void> } = await import(
    join(project, "build-page.js")
  );
  await buildPage(join(dir, "page"));
}
