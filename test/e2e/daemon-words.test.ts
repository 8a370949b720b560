// What a daemon tells while it runs, and what it does with its trash: followed, watched, restored and emptied beside it.

import { afterEach, beforeEach, expect, it } from "vitest";
import { ended, records, startCli } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

let fixture: DaemonFixture;

beforeEach(() => void (fixture = new DaemonFixture()));
afterEach(() => fixture.close());

it("is followed across a restart, and gives back from the trash what it has removed", async () => {
  fixture.config();
  fixture.writeMany(6);
  await fixture.start();
  const { dir: cwd } = fixture;
  const [events, watch] = [
    ["events", "app", "--json", "--follow"],
    ["status", "--watch", "200ms", "--json"],
  ].map((args) => startCli(args, { cwd }));
  const [followed, watched] = [ended(events!), ended(watch!)];
  const said = new Map([events!, watch!].map((child) => [child, ""]));
  for (const child of said.keys())
    child.stdout?.on("data", (chunk) => said.set(child, `${said.get(child)}${String(chunk)}`));
  const single = ended(startCli(["events"], { cwd }));
  await fixture.until(() => said.get(watch!)!.includes('"running":true'));
  const before = new Date(Date.now() - 1).toISOString();
  fixture.remove("kv/app/k1");
  fixture.write("kv/app/k2", "changed");
  await fixture.run("sync", "--now");

  const dryRun = await fixture.run("trash", "restore", "app", "--at", before, "--dry-run", "--json");
  expect(records(dryRun.stdout)).toMatchObject([
    { type: "restore", action: "new", key: "k1" },
    { type: "summary", command: "trash restore", written: 1, notKept: 1, dryRun: true },
  ]);
  expect(fixture.has("kv/app/k1")).toBe(false);
  expect(await fixture.run("trash", "restore", "app", "--at", before)).toMatchObject({ code: 2 });
  expect(await fixture.run("trash", "restore", "app", "--at", before, "--yes")).toMatchObject({ code: 0 });
  expect(fixture.read("kv/app/k1")).toBe("value 1");

  fixture.write("kv/app/k1", "mine");
  const [item] = records((await fixture.run("trash", "list", "--key", "k1", "--json")).stdout);
  const id = String(item?.["id"]);
  expect((await fixture.run("trash", "restore", id)).stderr).toContain("it exists already, and is not overwritten");
  expect((await fixture.run("trash", "restore", id, "--replace")).code).toBe(0);
  expect(fixture.read("kv/app/k1")).toBe("value 1");
  const kept = records((await fixture.run("trash", "list", "--prefix", "k1", "--since", "1h", "--json")).stdout);
  expect(kept).toMatchObject([{ key: "k1", reason: "replaced", size: 4 }, { id: item?.["id"] }, { items: 2 }]);
  expect(await fixture.run("trash", "empty", "app")).toMatchObject({ code: 2 });
  expect((await fixture.run("trash", "empty", "app", "--yes")).stdout).toBe("removed 2 values from the trash (11 B)\n");

  await fixture.stop();
  expect(await single).toMatchObject({ code: 1, stderr: expect.stringContaining("has stopped\n") });
  await fixture.until(() => said.get(watch!)!.includes('"running":false'));
  await fixture.start();
  await fixture.until(
    () => said.get(events!)!.includes('"id":1,') && /"running":false.*\n.*"running":true/.test(said.get(watch!)!),
  );
  for (const child of [events!, watch!]) child.kill("SIGINT");
  const run = await followed;
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining("waiting for it to come back") });
  const told = records(run.stdout);
  expect(told.at(-1)).toMatchObject({ type: "summary", command: "events", missed: 0 });
  expect(told.filter(({ event }) => event === "restored")).toMatchObject([
    { mapping: "app", key: "k1" },
    { key: "k1" },
  ]);
  expect(told.find(({ event, id: number }) => event === "started" && number === 1)).toMatchObject({ mapping: "app" });
  expect((await watched).code).toBe(0);
  expect(records((await watched).stdout).map(({ running, type }) => (type === "summary" ? type : running))).toEqual(
    expect.arrayContaining([true, false, true, "summary"]),
  );
  await fixture.stop();
});
