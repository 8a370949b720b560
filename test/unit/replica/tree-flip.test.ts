// A folder and a file that somebody swaps for symbolic links that lead out of the tree, thousands of times, while the tree is listed,
// read, written and removed from: whatever is done about links, nothing outside is written, and unless it says so nothing is read.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { Key } from "../../../src/core/key.ts";
import { filesBelow, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

let fixture: TreeFixture;
let flipper: Worker | undefined;
afterEach(async () => {
  await flipper?.terminate();
  fixture.close();
});

const FLIPS = 3000;

/** Swaps `d` for a link to the folder outside, and `f` for one to a file there, and back. What the writer makes where there is
 * nothing for a moment goes. */
const FLIP = `const { workerData } = require("node:worker_threads");
  const { renameSync, rmSync } = require("node:fs");
  const { root, aside, counts } = workerData;
  const passes = new Set(["EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST"]);
  const attempt = (act) => {
    try {
      act();
      return true;
    } catch (error) {
      if (!passes.has(error.code)) throw error;
      return false;
    }
  };
  const move = (from, to) => {
    while (!attempt(() => renameSync(from, to))) attempt(() => rmSync(to, { recursive: true, force: true }));
  };
  while (Atomics.load(counts, 1) === 0) {
    for (const name of ["d", "f"]) move(root + "/" + name, aside + "/real-" + name);
    for (const name of ["d", "f"]) move(aside + "/link-" + name, root + "/" + name);
    for (const name of ["d", "f"]) move(root + "/" + name, aside + "/link-" + name);
    for (const name of ["d", "f"]) move(aside + "/real-" + name, root + "/" + name);
    Atomics.add(counts, 0, 1);
  }`;

it.each(["skip", "inside", "follow"] as const)(
  `symlinks: %s leads nowhere else while a folder is flipped ${FLIPS} times`,
  async (symlinks) => {
    fixture = new TreeFixture({ symlinks });
    mkdirSync(fixture.outside("o"));
    for (const name of ["x", "y", "f"]) writeFileSync(fixture.outside(`o/${name}`), "outside");
    writeFileSync(fixture.outside("o/x%meta"), '{"metadata":"outside"}');
    for (const name of ["d/x", "d/y", "f"]) fixture.file(name, "inside");
    mkdirSync(fixture.outside("aside"));
    symlinkSync(fixture.outside("o"), fixture.outside("aside/link-d"));
    symlinkSync(fixture.outside("o/f"), fixture.outside("aside/link-f"));
    const before = filesBelow(fixture.outside("o"));
    const listed = (await fixture.list()).entries;
    expect(listed.map(({ key }) => key)).toEqual(["d/x", "d/y", "f"]);

    /** The flips so far, and whether to stop. */
    const counts = new Int32Array(new SharedArrayBuffer(8));
    flipper = new Worker(FLIP, {
      eval: true,
      workerData: { root: fixture.root, aside: fixture.outside("aside"), counts },
    });
    const failed = new Promise<never>((_, reject) => flipper!.once("error", reject));
    failed.catch(() => {});
    const read = new Set<string>();
    const kinds = new Set<string>();
    const options = { onProblem: ({ code }: { code: string }) => kinds.add(code), onUnknown: () => {} };
    const hasMetLinks = (): boolean => (symlinks === "follow" ? read.has("outside") : kinds.has("not-a-file"));
    while (Atomics.load(counts, 0) < FLIPS || !hasMetLinks() || !read.has("inside")) {
      const found = [
        ...(await fixture.tree.lookup!(["d/x", "d/y", "f"] as Key[], options)),
        ...(await collect(fixture.tree.list(options))),
        ...listed,
      ];
      for (const outcome of await collect(fixture.tree.read(pagesOf(found)))) {
        kinds.add(outcome.kind);
        if (outcome.kind === "value") read.add(Buffer.from(outcome.value.bytes).toString());
      }
      await Promise.race([writeSome(listed), failed]);
    }
    Atomics.store(counts, 1, 1);
    expect(read).toEqual(new Set(symlinks === "follow" ? ["inside", "outside"] : ["inside"]));
    expect(filesBelow(fixture.outside("o"))).toEqual(before);
  },
);

/** Writes what is there once more, and a key that is not, which is removed. */
async function writeSome(listed: readonly Entry[]): Promise<void> {
  const fingerprint = fingerprintOf(Buffer.from("inside"));
  const writes = listed.map((entry) => ({
    value: fixture.value(entry.key, "inside"),
    expected: { ...entry, fingerprint },
  }));
  const added = { value: fixture.value("d/new", "inside"), expected: undefined };
  await collect(fixture.tree.write(pagesOf([added, ...writes])));
  await collect(fixture.tree.remove(pagesOf([{ ...listed[0]!, key: "d/new" as Key, fingerprint }])));
}
