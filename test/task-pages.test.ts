// The pages that people read, against the files and the program: a link leads somewhere, and a command is one that kvsync takes.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { loadAll } from "../src/cli/command-entry.ts";
import { buildProgram } from "../src/cli/program.ts";

const root = resolve(import.meta.dirname, "..");
const pages = [
  "README.md",
  "systemd/README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const withoutCode = (text: string): string => text.replace(/^```[^]*?^```/gm, "").replace(/`[^`\n]*`/g, "code");

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  const headings = text.replace(/^```[^]*?^```/gm, "").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function brokenLinks(page: string): readonly string[] {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
  });
}

/** A line of shell as its words, as far as the pages go: quotes, and an end at a comment, a pipe, a redirection or the next command. */
function wordsOf(rest: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of rest.matchAll(/(?:'[^']*'|"[^"]*"|\$\([^)]*\)|[^\s'"])+/g)) {
    if (/^(?:#|[|&;<>]|\d>)/.test(word)) break;
    words.push(word.replace(/[;)]+$/, "").replace(/^(['"])(.*)\1$/, "$2"));
    if (word.endsWith(";")) break;
  }
  return words;
}

/** The calls of `kvsync` at the start of a command, in the blocks that are shell. */
function callsIn(page: string): readonly (readonly string[])[] {
  const blocks = [...read(page).matchAll(/^ *```sh\n([^]*?)^ *```/gm)].map(([, body]) => body!.replaceAll("\\\n", " "));
  const calls = blocks.flatMap((body) => [
    ...body.matchAll(/(?:^ *|[;&|(] *)(?:\$ |npx |sudo -u kvsync )*(?:[A-Z_]+=\S+ )*kvsync((?: [^\n]*)?)$/gm),
  ]);
  return calls
    .flatMap(([, rest = ""]) => rest.split(/ (?:&&|\|\||\||&) (?:[A-Z_]+=\S+ )*kvsync(?= )/))
    .map((rest) => wordsOf(rest));
}

test.each(pages)("the links of %s lead somewhere", (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

await loadAll(buildProgram(async () => {}, { out: () => undefined, err: () => undefined }));

async function expectTaken(args: readonly string[]): Promise<void> {
  let isTaken = false;
  const fresh = buildProgram(async () => void (isTaken = true), { out: () => undefined, err: () => undefined });
  await fresh.parseAsync([...args], { from: "user" }).catch((error: unknown) => {
    // --help and --version end so, too.
    if (error instanceof CommanderError && error.exitCode === 0) isTaken = true;
  });
  expect([args.join(" "), isTaken]).toEqual([args.join(" "), true]);
}

test.each(pages)("kvsync takes each command of the shell blocks of %s", async (page) => {
  for (const args of callsIn(page)) await expectTaken(args);
});

test("kvsync takes the command of the server in the team's compose file", async () => {
  const { services } = parse(read("docs/team/compose.yaml"), { merge: true }) as {
    readonly services: { readonly server: { readonly command: readonly string[] } };
  };
  expect(services.server.command[0]).toBe("serve");
  await expectTaken(services.server.command);
});

test("commands are found in the pages", () => {
  expect(pages.flatMap(callsIn).length).toBeGreaterThan(15);
});
