// Bundles what browsers get of src/page/ into a folder: one script, and the files beside it as they are. build.js publishes it so, and the
// tests bundle it in the same way.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const source = join(import.meta.dirname, "src/page");
const files = ["index.html", "page.css", "icon.svg"];

export async function buildPage(dir, plugins = []) {
  const bundle = await rolldown({
    input: { page: join(import.meta.dirname, "src/page/main.ts") },
    platform: "browser",
    plugins,
  });
  await bundle.write({ dir, format: "esm", minify: true });
  await bundle.close();
  mkdirSync(dir, { recursive: true });
  for (const file of files) copyFileSync(join(source, file), join(dir, file));
}
