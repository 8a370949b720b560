// The package as it is published: built by the steps of the Dockerfile from the files that .dockerignore lets through, packed by npm, and
// unpacked where no library can be found.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

const project = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
let output: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kvsync-package-"));
  const context = join(folder, "src");
  mkdirSync(context);
  const ignore = readFileSync(join(project, ".dockerignore"), "utf8");
  for (const [, name] of ignore.matchAll(/^!(.+)$/gm))
    cpSync(join(project, name!), join(context, name!), { recursive: true });
  linkLibraries(context);
  output = execFileSync("sh", ["-ec", buildSteps()], { cwd: context, encoding: "utf8", env: environment() });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `npm ci` would install, but for its commands: the build links one there. */
function linkLibraries(context: string): void {
  mkdirSync(join(context, "node_modules"));
  for (const name of readdirSync(join(project, "node_modules")).filter((file) => !file.startsWith(".")))
    symlinkSync(join(project, "node_modules", name), join(context, "node_modules", name));
}

/** The RUN of the Dockerfile that builds and unpacks the package, in a folder of this test. */
function buildSteps(): string {
  const lines = readFileSync(join(project, "Dockerfile"), "utf8").replaceAll("\\\n", " ");
  const steps = /^RUN (node build\.js .*)$/m.exec(lines)![1]!;
  return steps.replaceAll("/tmp", folder).replaceAll("/kvsync ", join(folder, "package "));
}

/** The Node that runs this test comes first: it is the one that can run what is built. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH: `${dirname(process.execPath)}:${PATH}`, HOME };
}

test("building prints no more than the name of the packed file", () =>
  expect(output).toMatch(/^kvsync-\d+\.\d+\.\d+[^\n]*\.tgz\n$/));

test("it has what its package.json names, and neither sources nor tests", () => {
  const root = join(folder, "package");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  const { man, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    man: readonly string[];
    bin: { kvsync: string };
  };
  // An array: npm links no man page of a package that names it as a text.
  expect(man).toBeInstanceOf(Array);
  expect(files).toEqual(
    expect.arrayContaining([
      ...man,
      bin.kvsync,
      "dist/page/page.js",
      "dist/page/index.html",
      "config.schema.json",
      "docs/alerts.yml",
      "systemd/kvsync.service",
      "LICENSE",
      "SECURITY.md",
    ]),
  );
  expect(new Set(files.map((file) => file.split("/")[0]!))).not.toContain("src");
  const odd = files.filter((file) => /\.(?:ts|map|tgz)$|node_modules|token/.test(file));
  // An example, which names hashes that are of no token.
  expect(odd).toEqual(["docs/team/server/tokens.yaml"]);
});

test("it needs no other package, and works without one", () => {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package", "package.json"), "utf8")) as {
    dependencies?: object;
  };
  expect(dependencies).toBeUndefined();
  const cwd = join(folder, "use");
  mkdirSync(cwd);
  kvsync(cwd, "init");
  kvsync(cwd, "namespace", "create", "app-config");
  kvsync(cwd, "key", "put", "k", "v", "--metadata", '{"a":1}');
  expect(kvsync(cwd, "key", "get", "k")).toBe("v");
});

test("editors find the schema of what init writes by its address, and accept it", () => {
  const cwd = join(folder, "edited");
  mkdirSync(cwd);
  kvsync(cwd, "init");
  const text = readFileSync(join(cwd, "kvsync.yaml"), "utf8");
  const schema = JSON.parse(readFileSync(join(folder, "package", "config.schema.json"), "utf8")) as { $id: string };
  expect(text.split("\n", 1)).toEqual([`# yaml-language-server: $schema=${schema.$id}`]);
  const validate = new Ajv({ strict: false }).compile(schema);
  expect([validate(parse(text)), validate.errors]).toEqual([true, null]);
});

test("it holds the licence of each library that is bundled", () => {
  const text = readFileSync(join(folder, "package", "dist", "THIRD-PARTY.txt"), "utf8");
  for (const name of ["undici", "pino", "yaml", "commander", "@opentelemetry/api"]) {
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  }
  expect(existsSync(join(folder, "package", "node_modules"))).toBe(false);
});

function kvsync(cwd: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(folder, "package", "dist", "main.js"), ...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
}
