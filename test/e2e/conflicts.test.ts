// Conflicts, resolved by a person each way: those that wait, and conflict copies; binary values, with their metadata and expiration; with a
// daemon and without one.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture, TWO_WAY } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
  fixture.config(`mappings: { hold: ${TWO_WAY.replace(" }", ", conflict: hold }")}, both: ${TWO_WAY} }`);
});

afterEach(() => fixture.close());

const kvsync = (line: string) => fixture.run(...line.split(" "));
const EXPIRES = Math.floor(Date.now() / 1000) + 86_400;
const bytesOf = (side: string, key: string): Buffer => Buffer.from([0, 0xff, 0xfe, ...Buffer.from(`${side} ${key}`)]);
const fileOf = (path: string): Buffer => readFileSync(join(fixture.dir, "kv", path));
const copiesOf = (mapping: string): readonly string[] =>
  readdirSync(join(fixture.dir, "kv", mapping)).filter((name) => name.includes("%conflict") && !name.endsWith("%meta"));

function writeSide(side: string, mapping: string, key: string): void {
  writeFileSync(join(fixture.dir, "kv", mapping, key), bytesOf(side, key));
  fixture.write(`kv/${mapping}/${key}%meta`, JSON.stringify({ metadata: { side }, expiration: EXPIRES }));
}

async function putSide(side: string, mapping: string, key: string): Promise<void> {
  writeFileSync(join(fixture.dir, "value"), bytesOf(side, key));
  const options = ["--path", "value", "--metadata", JSON.stringify({ side }), "--expiration", String(EXPIRES)];
  expect(await fixture.run("key", "put", key, "-n", mapping, ...options)).toMatchObject({ code: 0 });
}

async function conflictsOf(mapping: string): Promise<readonly Record<string, unknown>[]> {
  const { code, stdout } = await kvsync(`conflicts list ${mapping} --json`);
  expect(code).toBe(0);
  return records(stdout).filter(({ type }) => type === "conflict");
}

async function expectAtRemote(side: string, mapping: string, key: string): Promise<void> {
  expect((await kvsync(`key get ${key} -n ${mapping}`)).bytes).toEqual(bytesOf(side, key));
  const listed = records((await kvsync(`key list -n ${mapping} --json`)).stdout);
  expect(listed.find((line) => line["name"] === key || line["key"] === key)).toMatchObject({
    expiration: EXPIRES,
    metadata: { side },
  });
}

function expectInFolder(side: string, mapping: string, key: string): void {
  expect(fileOf(`${mapping}/${key}`)).toEqual(bytesOf(side, key));
  expect(JSON.parse(fileOf(`${mapping}/${key}%meta`).toString())).toEqual({ metadata: { side }, expiration: EXPIRES });
}

async function expectInTrash(side: string, mapping: string, key: string): Promise<void> {
  const items = records((await kvsync(`trash list ${mapping} --key ${key} --json`)).stdout);
  const found = items.find(({ metadata }) => metadata === JSON.stringify({ side }));
  expect(found).toMatchObject({ expiration: EXPIRES, size: bytesOf(side, key).byteLength });
}

it("with a daemon, each way", { timeout: 240_000 }, async () => {
  const keys = ["k.local", "k.remote", "k.both", "k.moved"];
  for (const mapping of ["hold", "both"]) for (const key of keys) fixture.write(`kv/${mapping}/${key}`, "first");
  await fixture.start("--json");
  await fixture.until(
    async () => (await fixture.stateOf("hold")) === "in-step" && (await fixture.stateOf("both")) === "in-step",
  );
  await kvsync("pause --all");
  for (const mapping of ["hold", "both"])
    for (const key of keys) {
      writeSide("local", mapping, key);
      await putSide("remote", mapping, key);
    }
  expect((await kvsync("conflicts resolve hold k.local --keep local")).code).toBe(5);
  await kvsync("resume --all");
  await fixture.until(async () => (await conflictsOf("hold")).length === 4 && copiesOf("both").length === 4);

  // Those that wait.
  expect(await conflictsOf("hold")).toMatchObject(
    keys.toSorted().map((key) => ({
      key,
      kind: "waiting",
      copy: null,
      local: { size: bytesOf("local", key).byteLength },
      remote: { size: bytesOf("remote", key).byteLength, metadata: { side: "remote" }, expiration: EXPIRES },
    })),
  );
  const shown = records((await kvsync("conflicts show hold k.moved --json")).stdout)[0]!;
  expect(shown).toMatchObject({
    localValue: { encoding: "base64", text: bytesOf("local", "k.moved").toString("base64"), truncated: false },
    remoteValue: { bytes: bytesOf("remote", "k.moved").byteLength },
  });
  const prints = shown as unknown as Record<"local" | "remote", { readonly fingerprint: string }>;
  const moved = `conflicts resolve hold k.moved --keep local --if-local ${prints.local.fingerprint}`;
  await putSide("later", "hold", "k.moved");
  expect(await kvsync(`${moved} --if-remote ${prints.remote.fingerprint}`)).toMatchObject({
    code: 12,
    stderr: expect.stringContaining("nothing was changed"),
  });
  expectInFolder("local", "hold", "k.moved");
  await expectAtRemote("later", "hold", "k.moved");

  expect((await kvsync("conflicts resolve hold k.local --keep local")).stdout).toContain("is in the namespace");
  await expectAtRemote("local", "hold", "k.local");
  expectInFolder("local", "hold", "k.local");
  await expectInTrash("remote", "hold", "k.local");
  expect((await kvsync("conflicts resolve hold k.remote --keep remote")).stdout).toContain("is in the file");
  expectInFolder("remote", "hold", "k.remote");
  await expectAtRemote("remote", "hold", "k.remote");
  await expectInTrash("local", "hold", "k.remote");
  expect((await kvsync("conflicts resolve hold k.both --keep both")).stdout).toContain(
    "lies beside it as k.both%conflict-",
  );
  expectInFolder("remote", "hold", "k.both");
  expect(fileOf(`hold/${copiesOf("hold")[0]}`)).toEqual(bytesOf("local", "k.both"));
  expect((await conflictsOf("hold")).map(({ key, kind }) => [key, kind])).toEqual([
    ["k.moved", "waiting"],
    ["k.both", "copy"],
  ]);
  expect(records((await kvsync("status hold --json")).stdout)[0]).toMatchObject({ conflicts: 1 });
  expect((await kvsync("conflicts resolve hold k.local --keep local")).code).toBe(2);

  // Conflict copies.
  expect((await kvsync("conflicts resolve both k.local --keep local")).stdout).toContain("has the name again");
  expectInFolder("local", "both", "k.local");
  await expectInTrash("remote", "both", "k.local");
  expect((await kvsync("conflicts resolve both k.remote --keep remote")).stdout).toContain("is in the trash");
  expectInFolder("remote", "both", "k.remote");
  await expectInTrash("local", "both", "k.remote");
  fixture.write("kv/both/k.local.both", "in the way");
  expect((await kvsync("conflicts resolve both k.both --keep both")).stdout).toContain("is the key k.local-2.both now");
  await fixture.until(() => fixture.storedKeys("both").includes("k.local-2.both"));
  expect((await kvsync("key get k.local-2.both -n both")).bytes).toEqual(bytesOf("local", "k.both"));
  await fixture.until(async () => (await kvsync("key get k.local -n both")).bytes.equals(bytesOf("local", "k.local")));
  await expectAtRemote("local", "both", "k.local");
  const copy = copiesOf("both")[0]!;
  fixture.write(`kv/both/${copy}`, "edited since");
  const wrong = ["--copy", copy, "--if-local", prints.local.fingerprint];
  expect((await fixture.run("conflicts", "resolve", "both", "k.moved", "--keep", "remote", ...wrong)).code).toBe(12);
  expect(copiesOf("both")).toEqual([copy]);
  // Of several copies of one key nobody can guess which is meant.
  fixture.write(`kv/both/${copy.replace(/-1$/, "-2")}`, "another");
  expect(await kvsync("conflicts resolve both k.moved --keep local")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--copy PATH"),
  });
  expect((await kvsync("conflicts resolve both --all --keep local --yes")).code).toBe(6);
  expect((await kvsync("conflicts resolve both --all --keep remote --yes")).code).toBe(0);
  expect(copiesOf("both")).toEqual([]);

  // All that is left.
  expect((await kvsync("conflicts resolve hold --all --keep remote")).code).toBe(2);
  await fixture.until(async () => {
    const { code } = await kvsync("conflicts resolve hold --all --keep remote --yes");
    return code === 0;
  });
  expectInFolder("later", "hold", "k.moved");
  await expectInTrash("local", "hold", "k.moved");
  expect(await conflictsOf("hold")).toEqual([]);
  const history = (await kvsync("history hold")).stdout;
  expect(history).toContain("resolved k.local: a person kept the local version");
  expect(records(fixture.out).filter(({ type }) => type === "failed")).toEqual([]);
  expect((await fixture.stop()).code).toBe(0);
});

it("without a daemon, each way", { timeout: 240_000 }, async () => {
  const keys = ["a.json", "b.json"];
  for (const mapping of ["hold", "both"]) for (const key of keys) fixture.write(`kv/${mapping}/${key}`, "one\ntwo\n");
  expect((await kvsync("sync")).code).toBe(0);
  expect(await kvsync("conflicts list --fail")).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("no conflict"),
  });
  // What only one side has changed is no conflict.
  fixture.write("kv/hold/a.json", "one\ntwo\nthree\n");
  expect((await kvsync("conflicts show hold a.json")).code).toBe(2);
  expect((await kvsync("conflicts resolve hold a.json --keep remote")).code).toBe(2);
  expect(fixture.read("kv/hold/a.json")).toBe("one\ntwo\nthree\n");
  for (const mapping of ["hold", "both"])
    for (const key of keys) {
      fixture.write(`kv/${mapping}/${key}`, "one\nlocal\n");
      await fixture.run("key", "put", key, "one\nremote\n", "-n", mapping);
    }
  expect((await kvsync("sync")).code).toBe(6);
  expect(await kvsync("conflicts list --fail")).toMatchObject({
    code: 6,
    stdout: expect.stringMatching(
      /^hold {2}a\.json {2}waits for .*\nhold {2}b\.json .*\nboth {2}a\.json {2}lies beside it .*\nboth/,
    ),
  });
  const shown = (await kvsync("conflicts show hold a.json")).stdout;
  expect(shown).toContain(" one\n-local\n+remote\n");
  const command = /kvsync (conflicts resolve hold a\.json --keep local .*)/.exec(shown)![1]!;
  fixture.write("kv/hold/a.json", "one\nlater!\n");
  expect((await kvsync(command)).code).toBe(12);
  fixture.write("kv/hold/a.json", "one\nlocal\n");
  expect(await kvsync(command)).toMatchObject({ code: 0 });
  expect((await kvsync("key get a.json -n hold")).stdout).toBe("one\nlocal\n");
  expect((await kvsync("conflicts resolve hold b.json --keep remote")).code).toBe(0);
  expect(fixture.read("kv/hold/b.json")).toBe("one\nremote\n");
  expect((await kvsync("conflicts list hold --fail")).code).toBe(0);
  expect((await kvsync("sync hold")).stdout).toContain("0 written");

  expect((await kvsync("conflicts show both a.json")).stdout).toContain("-local\n+remote\n");
  expect((await kvsync("pause both")).code).toBe(0);
  expect(await kvsync("conflicts resolve both a.json --keep local")).toMatchObject({ code: 5 });
  expect((await kvsync("resume both")).code).toBe(0);
  const all = await kvsync("conflicts resolve both --all --keep local --yes --json");
  expect([all.code, records(all.stdout).at(-1)]).toMatchObject([0, { type: "summary", resolved: 2, failed: 0 }]);
  expect(copiesOf("both")).toEqual([]);
  expect((await kvsync("sync both")).stdout).toContain("2 written");
  expect((await kvsync("key get a.json -n both")).stdout).toBe("one\nlocal\n");
  expect((await kvsync("trash list both --key a.json")).stdout).toContain("replaced in");
});
