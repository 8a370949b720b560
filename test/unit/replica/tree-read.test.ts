// Reading values: whole, or not at all.

import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { ReadOutcome } from "../../../src/replica/replica.ts";
import { codeOf, ran, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const read = (...entries: readonly Entry[]): Promise<ReadOutcome[]> => collect(fixture.tree.read(pagesOf(entries)));

describe("a value", () => {
  it("comes with fingerprint, size, kind, signature and the attributes that were listed", async () => {
    fixture.file("a", Buffer.from([0xff, 0]));
    fixture.file("a%meta", '{"metadata": 7}');
    const entry = await fixture.entry("a");
    const [outcome] = await read(entry);
    expect(outcome).toEqual({
      kind: "value",
      key: "a",
      value: {
        bytes: Buffer.from([0xff, 0]),
        readAt: fixture.clock.now(),
        entry: { ...entry, fingerprint: fingerprintOf(Buffer.from([0xff, 0])), size: 2, binary: true },
      },
    });
  });

  it("is found beside a folder of its name, and in a cut name", async () => {
    const long = "k".repeat(300);
    for (const name of ["a/b", "a%value", `${"k".repeat(240)}%+/${"k".repeat(60)}%value`]) fixture.file(name, name);
    const outcomes = await read(...(await fixture.list()).entries);
    expect(outcomes.map(({ key, kind }) => [key, kind])).toEqual([
      ["a", "value"],
      ["a/b", "value"],
      [long, "value"],
    ]);
  });

  it("is read anew: it may differ from what was listed", async () => {
    fixture.file("a", "old");
    const entry = await fixture.entry("a");
    fixture.file("a", "newer");
    const [outcome] = await read(entry);
    if (outcome?.kind !== "value") throw new Error("no value");
    expect(outcome.value.entry.signature).not.toEqual(entry.signature);
    expect(outcome.value.entry.signature).toEqual((await fixture.entry("a")).signature);
  });
});

describe("no value", () => {
  it("is given for a file that vanished, alone or with its folder", async () => {
    fixture.file("a");
    fixture.file("b/c");
    fixture.file("d/e");
    const { entries } = await fixture.list();
    rmSync(fixture.path("a"));
    rmSync(fixture.path("b"), { recursive: true });
    rmSync(fixture.path("d"), { recursive: true });
    fixture.file("d");
    expect((await read(...entries)).map(codeOf)).toEqual(["absent", "absent", "absent"]);
  });

  it("is given for what is over 25 MiB, and what is exactly that is read", async () => {
    fixture.file("big");
    fixture.file("bigger");
    truncateSync(fixture.path("big"), 26_214_400);
    truncateSync(fixture.path("bigger"), 26_214_401);
    const outcomes = await read(...(await fixture.list()).entries);
    expect(outcomes.map(codeOf)).toEqual(["value", "value-too-large"]);
    expect(outcomes[1]).toMatchObject({
      problem: { subject: "bigger", message: "is 26214401 bytes; a value has at most 26214400" },
    });
  });

  it("is given for what became a symbolic link, a FIFO or a folder", async () => {
    writeFileSync(fixture.outside("secret"), "secret");
    for (const name of ["fifo", "folder", "link"]) fixture.file(name);
    const { entries } = await fixture.list();
    for (const name of ["fifo", "folder", "link"]) rmSync(fixture.path(name));
    symlinkSync(fixture.outside("secret"), fixture.path("link"));
    expect(ran("mkfifo", fixture.path("fifo"))).toBe(true);
    mkdirSync(fixture.path("folder"));
    expect((await read(...entries)).map(codeOf)).toEqual(["not-a-file", "absent", "not-a-file"]);
  });

  it("is given for what is behind a folder that became a symbolic link", async () => {
    fixture.file("a/b/c", "inside");
    const entry = await fixture.entry("a/b/c");
    mkdirSync(fixture.outside("x/b"), { recursive: true });
    writeFileSync(fixture.outside("x/b/c"), "outside");
    renameSync(fixture.path("a"), fixture.outside("was-a"));
    symlinkSync(fixture.outside("x"), fixture.path("a"));
    expect((await read(entry)).map(codeOf)).toEqual(["not-a-file"]);
  });

  it("is given for a file that grows while it is read", async () => {
    fixture.file("log", "");
    const entry = await fixture.entry("log");
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { workerData } = require("node:worker_threads");
       const { appendFileSync, truncateSync } = require("node:fs");
       for (let i = 0; Atomics.load(workerData.stop, 0) === 0; i++) {
         if (i % 2000 === 1999) truncateSync(workerData.path, 0);
         appendFileSync(workerData.path, "0123456789".repeat(100));
       }`,
      { eval: true, workerData: { path: fixture.path("log"), stop } },
    );
    // The system shows a long append page by page: what is read ends wherever the writer was, but has no holes and nothing twice.
    const whole = "0123456789".repeat(200_000);
    const seen = new Set<string>();
    try {
      for (let i = 0; i < 200_000 && !seen.has("changed-while-reading"); i++) {
        const [outcome] = await read(entry);
        seen.add(codeOf(outcome));
        if (outcome?.kind === "value") expect(whole.startsWith(Buffer.from(outcome.value.bytes).toString())).toBe(true);
      }
    } finally {
      Atomics.store(stop, 0, 1);
      await worker.terminate();
    }
    expect(seen).toContain("changed-while-reading");
  });
});

describe("pages", () => {
  it("are bounded in files and in bytes", async () => {
    for (let i = 0; i < 600; i++) fixture.file(`small/${i}`);
    for (let i = 0; i < 5; i++) fixture.file(`large/${i}`, Buffer.alloc(3_000_000));
    const sizes: number[] = [];
    for await (const page of fixture.tree.read(pagesOf((await fixture.list()).entries))) sizes.push(page.length);
    expect(sizes).toEqual([2, 2, 256, 256, 89]);
  });

  it("stop when the signal is aborted", async () => {
    fixture.file("a");
    const { entries } = await fixture.list();
    const aborted = collect(fixture.tree.read(pagesOf(entries), { signal: AbortSignal.abort(new Error("stop")) }));
    await expect(aborted).rejects.toThrow("stop");
  });

  it("fail as a whole if the root is gone", async () => {
    fixture.file("a");
    const { entries } = await fixture.list();
    rmSync(fixture.root, { recursive: true });
    await expect(read(...entries)).rejects.toMatchObject({ code: "root-missing" });
  });
});
