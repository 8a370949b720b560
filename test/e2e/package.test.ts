// The package as it is published: the files that `npm pack` takes, in a folder where no library can be found.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const project = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
let output: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kvsync-package-"));
  output = run(["build.js", join(folder, "dist")], project);
  for (const file of ["package.json", "config.example.yaml", "config.schema.json", "example"])
    cpSync(join(project, file), join(folder, file), { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

test("building prints nothing", () => expect(output).toBe(""));

test("it needs no other package, and works without one", () => {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { dependencies?: object };
  expect(dependencies).toBeUndefined();
  const cwd = join(folder, "use");
  mkdirSync(cwd);
  kvsync(cwd, "init");
  kvsync(cwd, "namespace", "create", "app-config");
  kvsync(cwd, "key", "put", "k", "v", "--metadata", '{"a":1}');
  expect(kvsync(cwd, "key", "get", "k")).toBe("v");
});

test("it holds the licence of each library that is bundled", () => {
  const text = readFileSync(join(folder, "dist", "THIRD-PARTY.txt"), "utf8");
  for (const name of ["undici", "pino", "yaml", "commander", "@opentelemetry/api"]) {
    expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
  }
  expect(existsSync(join(folder, "node_modules"))).toBe(false);
});

function kvsync(cwd: string, ...args: readonly string[]): string {
  return run([join(folder, "dist", "main.js"), ...args], cwd);
}

function run(args: readonly string[], cwd: string): string {
  return execFileSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
}
