// `node build.js [FOLDER]` bundles src/main.ts into dist/, or into FOLDER, and the status page into a folder `page` of that. Node does not strip types under node_modules,
// and one file a command starts in a third of the time that type stripping and 100 small modules take. Dynamic imports
// become chunks of their own, so that a command loads only what it needs.
//
// The libraries are bundled too, so the published package has no dependencies to install. Their licences ask for their
// texts to go along: dist/THIRD-PARTY.txt holds them.
//
// bundle.json has how: the end-to-end tests bundle what they start in the same way. Its alias: what `main` is of jsonc-parser loads
// its parts by a `require` of its own, which no bundler sees.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { rolldown } from "rolldown";
import { buildPage } from "./build-page.js";

const bin = "node_modules/.bin";

/** Makes `npx kvsync` work from the checkout as it does where the package is installed: npm links the commands of a
 * project's dependencies, but not its own. */
const command = {
  name: "command",
  writeBundle({ dir }) {
    chmodSync(join(dir, "main.js"), 0o755);
    if (resolve(dir) !== resolve("dist") || !existsSync("node_modules")) return;
    mkdirSync(bin, { recursive: true });
    rmSync(`${bin}/kvsync`, { force: true });
    symlinkSync("../../dist/main.js", `${bin}/kvsync`);
  },
};

/** Of each library that has a module in a bundle. */
const folders = new Set();

const libraries = {
  name: "libraries",
  writeBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
        const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replace(/^\0/, ""))?.[0];
        if (folder !== undefined) folders.add(folder);
      }
    }
  },
};

/** Writes the licence of each of them. Fails for a library that brings no licence text. */
function writeLicences(dir) {
  writeFileSync(
    join(dir, "THIRD-PARTY.txt"),
    sorted([...folders])
      .map(renderLicence)
      .join("\n"),
  );
}

function sorted(texts) {
  return texts.toSorted((a, b) => (a < b ? -1 : 1));
}

function renderLicence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = sorted(files).map((file) => readFileSync(join(folder, file), "utf8").trim());
  if (texts.length === 0) texts.push(licenceOfReadme(folder));
  if (texts.includes("")) throw new Error(`${name} is bundled, but brings no licence text`);
  return `${"=".repeat(80)}\n${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
}

/** Some have it as the last section of what they say of themselves. Empty: there is none. */
function licenceOfReadme(folder) {
  const file = join(folder, "README.md");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^#+ licen[cs]e\n([^#]*Permission is hereby granted[^#]*)$/im.exec(text)?.[1]?.trim() ?? "";
}

const build = await rolldown({
  ...JSON.parse(readFileSync("bundle.json", "utf8")),
  input: { main: "src/main.ts" },
  plugins: [command, libraries],
});
const dir = argv[2] ?? "dist";
await build.write({ dir, format: "esm", cleanDir: true, minify: false, sourcemap: true });
await build.close();
await buildPage(join(dir, "page"), [libraries]);
writeLicences(dir);
