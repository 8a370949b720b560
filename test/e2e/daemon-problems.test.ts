// Keys that fail, as their user meets them: a problem is told until its key is seen right, whatever else changes meanwhile.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingStatus } from "../../src/mapping/status.ts";
import { records } from "../support/cli.ts";
import { DaemonFixture, TWO_WAY } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

/** Nothing but the watcher makes a round. */
const UNPOLLED = TWO_WAY.replace("poll_interval: 1s", "poll_interval: 1h");

beforeEach(async () => {
  fixture = new DaemonFixture();
  fixture.config(`mappings: { app: ${UNPOLLED} }`);
  fixture.writeMany(30);
});

afterEach(() => fixture.close());

async function status(): Promise<MappingStatus> {
  const { stdout } = await fixture.run("status", "--json");
  return records(stdout).find(({ mapping }) => mapping === "app") as unknown as MappingStatus;
}

async function valueOf(key: string): Promise<string> {
  return (await fixture.run("key", "get", key, "-n", "app")).stdout;
}

/** The path and the body of GET /health. */
async function health(): Promise<{ readonly code: number; readonly body: string }> {
  const url = /http:[^ ]+(?=\/health)/.exec(fixture.out + fixture.err)![0];
  const answer = await fetch(`${url}/health`);
  return { code: answer.status, body: await answer.text() };
}

describe("a problem with a key", () => {
  it("stays in status and health while other keys change, and goes when its key is seen right", async () => {
    await fixture.start("--health", "0");
    fixture.write("kv/app/k28%meta", "{broken");
    fixture.write("kv/app/k28", "new value");
    await fixture.until(async () => (await status()).problems.length > 0);
    fixture.write("kv/app/k27", "edited since");
    await fixture.until(async () => (await valueOf("k27")) === "edited since");
    expect(await status()).toMatchObject({ state: "incomplete", problems: [{ subject: "k28" }], problemCount: 1 });
    expect(await health()).toMatchObject({ code: 503, body: expect.stringContaining("k28") });
    fixture.remove("kv/app/k28%meta");
    await fixture.until(async () => (await valueOf("k28")) === "new value");
    expect(await status()).toMatchObject({ state: "in-step", problems: [], problemCount: 0 });
    expect(await health()).toMatchObject({ code: 200 });
    expect(fixture.err).toContain("k28 is in order again");
    await fixture.stop();
  });

  it("is told of a name that is not UTF-8 as soon as it appears, and no longer than it is there", async () => {
    await fixture.start();
    const name = Buffer.concat([Buffer.from(join(fixture.dir, "kv/app/caf")), Buffer.from([0xe9])]);
    writeFileSync(name, "latin-1");
    await fixture.until(async () => (await status()).problems.length > 0);
    expect((await status()).problems).toMatchObject([{ code: "name-not-utf8", subject: "caf\ufffd" }]);
    rmSync(name);
    await fixture.until(async () => (await status()).problems.length === 0);
    await fixture.stop();
  });

  it("is told of a name that is no key's as soon as it appears", async () => {
    await fixture.start();
    fixture.write("kv/app/a%meta%meta", "x");
    await fixture.until(async () => (await status()).problems.length > 0);
    expect((await status()).problems).toMatchObject([{ code: "name-reserved", subject: "a%meta%meta" }]);
    await fixture.stop();
  });
});
