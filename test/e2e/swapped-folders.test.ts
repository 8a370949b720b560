// Folders that are replaced on purpose while a daemon carries them: by a link that is swapped, as git-sync and Capistrano do it, and by
// a build that makes its folder anew. The links are made by the programs that those call.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { pause } from "../support/daemon-process.ts";
import { ServedMapping } from "../support/served-mapping.ts";

let fixture: ServedMapping;

beforeEach(() => {
  fixture = new ServedMapping();
});

afterEach(() => fixture.close());

type Texts = Readonly<Record<string, string>>;

const SWAPS = 5;

/** Release `n`: most of its files are as before, one is of this release alone, and one has another content in each. */
function release(n: number): Texts {
  const stay = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`lib/stays-${i}.txt`, `stays ${i}`]));
  return { ...stay, "index.html": `release ${n}`, [`assets/app-${n}.js`]: `script ${n}` };
}

function fill(folder: string, files: Texts): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** As `ln -s` and `mv -T` put a link in the place of another one, at once. */
function swap(link: string, target: string): void {
  execFileSync("ln", ["-s", target, `${link}.tmp`]);
  execFileSync("mv", ["-T", `${link}.tmp`, link]);
}

interface Layout {
  readonly name: string;
  /** The mapping's folder, under the root. */
  readonly folder: string;
  readonly link: string;
  /** Where release `n` is, and what the link says then. */
  readonly place: (n: number) => { readonly path: string; readonly target: string };
  /** Of the mapping. */
  readonly more?: string;
}

const LAYOUTS: readonly Layout[] = [
  {
    name: "git-sync",
    folder: "root/current",
    link: "root/current",
    place: (n) => ({ path: `root/.git-sync/${commitOf(n)}`, target: `.git-sync/${commitOf(n)}` }),
  },
  {
    name: "Capistrano, of which a folder inside is carried",
    folder: "deploy/current/public",
    link: "deploy/current",
    place: (n) => {
      const release = `releases/2026112812${String(n).padStart(4, "0")}`;
      return { path: `deploy/${release}/public`, target: release };
    },
  },
];

function commitOf(n: number): string {
  return `${n}`.repeat(40).slice(0, 40);
}

/** A file of a release that is gone by the time it is read has its turn with the next one. */
const PASSING: ReadonlySet<unknown> = new Set(["vanished", "changed-while-reading"]);

/** What the daemon's log has of failures and holds. */
function troubles(): readonly unknown[] {
  return records(fixture.err).filter(({ level, code }) => level !== "info" && !PASSING.has(code));
}

const ALL: readonly Layout[] = [
  ...LAYOUTS,
  ...LAYOUTS.map((layout) => ({
    ...layout,
    name: `${layout.name}, polled`,
    more: ", watch: polling, watch_interval: 100ms",
  })),
];

describe.each(ALL)("a link that is swapped ($name)", ({ folder, link, place, more = "" }) => {
  const put = (n: number): void => {
    const { path, target } = place(n);
    fill(join(fixture.dir, path), release(n));
    swap(join(fixture.dir, link), target);
  };

  const begin = async (): Promise<void> => {
    mkdirSync(join(fixture.dir, folder.split("/")[0]!), { recursive: true });
    await fixture.serve(folder, `, root_swaps: allow${more}`);
    put(0);
    await fixture.start("--json");
    await shows(release(0));
  };

  it("brings each release whole, holds nothing, and removes nothing that stays", { timeout: 240_000 }, async () => {
    await begin();
    for (let n = 1; n <= SWAPS; n++) {
      put(n);
      await fixture.until(async () => (await fixture.values())["index.html"] === `release ${n}`);
      await fixture.until(async () => (await fixture.values())[`assets/app-${n - 1}.js`] === undefined);
      // What was written a moment ago rests first.
      await shows(release(n));
      // As git-sync does, which removes what it swapped away.
      if (n > 1) rmSync(join(fixture.dir, place(n - 2).path), { recursive: true });
    }
    const removed = (await fixture.history("removed")).map(({ key }) => key);
    expect(removed).toEqual(Array.from({ length: SWAPS }, (_, n) => `assets/app-${n}.js`));
    expect(await fixture.history("held")).toEqual([]);
    expect(troubles()).toEqual([]);
  });

  it("in quick succession comes to the last one, without a failure", { timeout: 240_000 }, async () => {
    await begin();
    for (let n = 1; n <= SWAPS; n++) {
      put(n);
      await pause(50);
    }
    await shows(release(SWAPS));
    expect((await fixture.history("removed")).filter(({ key }) => String(key).startsWith("lib/"))).toEqual([]);
    expect(await fixture.history("failed")).toEqual([]);
    expect(troubles()).toEqual([]);
  });
});

/** Waits until the remote shows these values, and no other keys. */
async function shows(files: Texts): Promise<void> {
  await fixture.until(async () => isDeepStrictEqual({ ...(await fixture.values()) }, { ...files }), 30_000);
}
