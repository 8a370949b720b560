// Names that differ only in case, or only in their Unicode form: synced, and told once, by whichever command meets them first,
// and then by status and doctor.

import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

const COMPOSED = "caf\u00e9";
const DECOMPOSED = "cafe\u0301";
const CASE = '"Readme" and "readme" differ only in upper and lower case: both are synced, but macOS and Windows';
const FORM = String.raw`"img/cafe\u{301}" and "img/caf\u{e9}" differ only in their Unicode form`;

beforeEach(() => {
  fixture = new DaemonFixture();
  fixture.config("mappings: { app: { account: local, mode: push, create: true } }");
  for (const name of ["Readme", "readme", `img/${COMPOSED}`, `img/${DECOMPOSED}`])
    fixture.write(`kv/app/${name}`, name);
});

afterEach(() => fixture.close());

/** Whether this file system holds both of what the test writes. */
const holdsBoth = (): boolean => fixture.read("kv/app/Readme") === "Readme";

it("a push tells of them once, and is a success; status and doctor tell of them from then on", async (test) => {
  if (!holdsBoth()) test.skip();
  const first = await fixture.run("push", "app");
  expect([first.code, first.stderr]).toEqual([0, expect.stringContaining(CASE)]);
  expect(first.stderr).toContain(FORM);
  expect(fixture.storedKeys()).toHaveLength(4);
  const second = await fixture.run("push", "app");
  expect([second.code, second.stderr]).toEqual([0, expect.not.stringContaining("differ only")]);
  const status = await fixture.run("status");
  expect(status.stdout).toContain(CASE);
  expect(status.stdout).toContain(FORM);
  expect(
    records((await fixture.run("status", "--json")).stdout).find(({ mapping }) => mapping === "app"),
  ).toMatchObject({
    alike: { count: 2, pairs: [{ differ: "form" }, { names: ["Readme", "readme"], differ: "case" }] },
    problemCount: 0,
  });
  const doctor = await fixture.run("doctor");
  expect(`${doctor.stdout}${doctor.stderr}`).toContain(CASE);
  fixture.remove("kv/app/Readme", `kv/app/img/${DECOMPOSED}`);
  await fixture.run("push", "app", "--force");
  expect((await fixture.run("status")).stdout).not.toContain("differ only");
  // A name that only changes its case has no twin.
  renameSync(join(fixture.dir, "kv/app/readme"), join(fixture.dir, "kv/app/README"));
  const renamed = await fixture.run("push", "app", "--force");
  expect([renamed.code, renamed.stderr]).toEqual([0, expect.not.stringContaining("differ only")]);
  expect(fixture.storedKeys()).toContain("README");
});

it("keys that only the namespace holds are told as well, by a pull", async (test) => {
  if (!holdsBoth()) test.skip();
  await fixture.run("push", "app");
  fixture.config("mappings: { copy: { account: local, mode: pull, namespace: app } }");
  const pulled = await fixture.run("pull", "copy");
  expect([pulled.code, pulled.stderr]).toEqual([0, expect.stringContaining(CASE)]);
});

it("a daemon logs them once, and its status tells of them", async (test) => {
  if (!holdsBoth()) test.skip();
  await fixture.start("--json");
  await fixture.until(() => fixture.err.includes("differ only in their Unicode form"));
  expect((await fixture.run("sync", "--now", "app")).code).toBe(0);
  fixture.write("kv/app/other", "x");
  await fixture.until(() => fixture.storedKeys().includes("other"));
  expect(fixture.err.match(/differ only in upper and lower case/g)).toHaveLength(1);
  expect((await fixture.run("status")).stdout).toContain(CASE);
  expect(await fixture.stateOf()).toBe("in-step");
  await fixture.stop();
});
