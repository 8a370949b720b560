// Backups of the config: made by the daemon at their times and by hand, told of in the log, the status, metrics and hooks, and beside
// everything else that the daemon does.

import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture, TWO_WAY } from "../support/daemon-process.ts";

type Event = Record<string, unknown>;
const backupsIn = (fixture: DaemonFixture): readonly Event[] =>
  records(fixture.out).filter(({ type }) => type === "backup");
/** The last whole event: the last line may still be on its way. */
const lastIn = (fixture: DaemonFixture): Event | undefined =>
  backupsIn({ out: fixture.out.slice(0, fixture.out.lastIndexOf("\n") + 1) } as DaemonFixture).at(-1);
const statusOf = async (fixture: DaemonFixture): Promise<Event> =>
  records((await fixture.run("status", "--json")).stdout).find(({ type }) => type === "backup")!;

describe("a backup of the config", () => {
  const fixture = new DaemonFixture();
  const file = (name: string): string => join(fixture.dir, name);
  const snapshots = (): number =>
    readdirSync(file("vault/snapshots"), { recursive: true }).filter((name) => String(name).length > 60).length;

  beforeAll(() => {
    fixture.config(
      `mappings: { app: ${TWO_WAY} }`,
      "repositories: { vault: { store: ./vault } }",
      "backups:",
      "  often: { sources: ['local:app', ./notes], repository: vault, every: 1s, keep: { last: 2 }, drill: 1h, encryption: none,",
      "    on_backup_failure: { run: [sh, -c, 'env | grep ^KVSYNC_ > hook; cat >> hook'], debounce: 10ms } }",
      "  asked: { sources: [./notes], repository: ./other, encryption: none, skip_if_unchanged: true }",
      "  locked: { sources: [./notes], repository: ./locked }",
    );
    fixture.writeMany(50);
    fixture.write("notes/a", "a note");
  });
  afterAll(() => fixture.close());

  it("is made by hand, by its name or with all others, and the status tells of it without a daemon", async () => {
    await fixture.run("push", "app", "--against-mode");
    const all = await fixture.run("backup", "--all");
    // One without a passphrase fails, and the others are made.
    expect(all).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no passphrase was given for a new one/) as string,
    });
    expect(all.stdout).toMatch(/^local:app -> vault: snapshot [0-9a-f]{8}, 50 keys, 50 values read, .*stored$/m);
    expect(all.stdout).toMatch(
      /^backup often: 2 snapshots of 51 keys \(.*\), 51 values read, .* stored, 2 requests, /m,
    );
    expect(all.stdout).toMatch(/^backup asked: 1 snapshot of 1 key /m);
    const again = await fixture.run("backup", "asked", "--json");
    expect(records(again.stdout)).toMatchObject([
      { type: "snapshot", backup: "asked", snapshot: null, complete: true },
      { type: "summary", command: "backup", backup: "asked", snapshots: 0, keys: 1, complete: true, failed: 0 },
    ]);
    const { stdout } = await fixture.run("status");
    expect(stdout).toMatch(
      /^backup often {2}not running, complete .* ago, 51 keys, .* added, drill proven .* ago {2}local:app .*notes -> vault$/m,
    );
    expect((await fixture.run("history")).stdout).toMatch(/ {2}backup often {2}backed-up .*2 snapshots of 51 keys/);
  });

  it("is looked at by doctor, with nothing but what the daemon will have", async () => {
    const { stdout } = await fixture.run("doctor");
    expect(stdout).toMatch(/^ok +backup often: the repository vault is there, and can be opened$/m);
    expect(stdout).toMatch(/^ok +backup often: was complete .* ago$/m);
    expect(stdout).toMatch(
      /^warn +backup asked: none of its snapshots is ever forgotten: the repository grows for good$/m,
    );
    expect(stdout).toMatch(
      /^fail +backup locked: the repository \.\/locked does not exist yet, and there is no passphrase/m,
    );
  });

  it.each([
    [["backup", "oftn"], /there is no backup "oftn" in the config\n.*did you mean "often"/],
    [["backup", "often", "--tag", "x"], /--tag does not go with backups of the config/],
    [["backup", "--all", "often"], /--all takes no names/],
    [["backup"], /what is to be backed up is missing/],
  ])("kvsync %j is refused", async (args, message) => {
    const run = await fixture.run(...args);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(message);
  });

  it("is made by the daemon: a listing where nothing changed, and what the rules do not keep is forgotten", async () => {
    await fixture.start("--json", "--health", "127.0.0.1:0");
    await fixture.until(() => backupsIn(fixture).filter(({ complete }) => complete === true).length >= 2);
    expect(lastIn(fixture)).toMatchObject({ backup: "often", keys: 51, requests: 1, failure: null, sources: 2 });
    await fixture.until(() => Number(lastIn(fixture)?.["forgotten"]) > 0);
    expect(snapshots()).toBeLessThanOrEqual(6);
    fixture.write("kv/app/new", "new");
    await fixture.until(() => lastIn(fixture)?.["keys"] === 52);
    expect(await statusOf(fixture)).toMatchObject({
      backup: "often",
      schedule: "every 1s",
      failure: null,
      // The run by hand held it.
      lastDrill: { proven: true, message: null },
    });
    expect(fixture.err).toMatch(/"backup":"often","message":"done: 2 snapshots of 5\d keys .*, to vault; next in /);
  }, 60_000);

  it("tells of a repository that is gone, goes on syncing, makes no other one, and recovers", async () => {
    const { health } = records(fixture.out).find(({ type }) => type === "ready") as { health: string };
    renameSync(file("vault/config.json"), file("config.away"));
    await fixture.until(() => existsSync(file("hook")) && readFileSync(file("hook"), "utf8").includes("}\n"));
    const hook = readFileSync(file("hook"), "utf8");
    expect(hook).toContain("KVSYNC_EVENT=backup-failure");
    expect(hook).toContain("KVSYNC_BACKUP=often");
    expect(hook).toContain('"code":"repository-refused"');
    // The run that met it may have begun before.
    expect(fixture.err).toMatch(
      /"backup":"often","error":\{"code":"repository-refused",.*"hint":".*"message":"failed; trying again in /,
    );
    await fixture.until(async () => {
      const { message, hint } = (await statusOf(fixture))["failure"] as { message: string; hint: string };
      return message.endsWith("is not in vault any more") && hint.startsWith("is its disk mounted?");
    });
    expect((await fixture.run("status")).stdout).toMatch(/^backup often {2}failing, complete .* ago, again in/m);
    const answer = await fetch(`${health}/health`);
    expect([answer.status, ((await answer.json()) as { troubles: string[] }).troubles[0]]).toEqual([
      503,
      expect.stringMatching(/^backup "often" fails: the repository of earlier backups is not in vault/),
    ]);
    const metrics = await (await fetch(`${health}/metrics`)).text();
    expect(metrics).toMatch(/^kvsync_backup_failing\{backup="often"\} 1$/m);
    expect(metrics).toMatch(/^kvsync_backup_failures_total\{backup="often",code="repository-refused"\} \d+$/m);
    expect(metrics).toMatch(/^kvsync_backup_last_complete_timestamp_seconds\{backup="often"\} \d+/m);
    expect(metrics).toMatch(/^kvsync_backup_drill_proven\{backup="often"\} 1$/m);
    fixture.write("kv/app/meanwhile", "synced all the same");
    await fixture.until(async () => (await fixture.keys()).includes("meanwhile"));
    expect(existsSync(file("vault/config.json"))).toBe(false);
    renameSync(file("config.away"), file("vault/config.json"));
    await fixture.until(() => lastIn(fixture)?.["failure"] === null && lastIn(fixture)?.["keys"] === 53);
    expect(fixture.err).toContain('"message":"works again: ');
    expect((await fixture.stop()).code).toBe(0);
  }, 60_000);
});

describe("a backup whose account does not answer", () => {
  const fixture = new DaemonFixture();
  const sockets = new Set<{ destroy(): void }>();
  let silent: Server;

  beforeAll(async () => {
    silent = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    fixture.write(
      "kvsync.yaml",
      `state_dir: ./state\naccounts: { a: { endpoint: "http://127.0.0.1:${port}", account_id: x, api_token: t } }\nbackups: { b: { sources: ['a:n'], repository: ./r, every: 1h, encryption: none } }`,
    );
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await fixture.close();
  });

  it("is broken off at once when the daemon is to stop, and needs no mapping", async () => {
    await fixture.start("--json");
    await fixture.until(() => sockets.size > 0);
    const began = Date.now();
    expect((await fixture.stop()).code).toBe(0);
    expect(Date.now() - began).toBeLessThan(5000);
    expect((await fixture.run("status")).stdout).toMatch(/^backup b {2}not running, never complete yet/m);
  }, 30_000);
});
