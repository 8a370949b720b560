// The systemd units: valid, sandboxed, the template the same as the unit, and the backup and the KV server in the same sandbox.

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "../../../systemd");
const services = readdirSync(folder).filter((name) => name.endsWith(".service"));
const timers = readdirSync(folder).filter((name) => name.endsWith(".timer"));

const nameOf = (line: string): string => line.split("=", 1)[0] ?? "";

/** `Name=value` lines, with sections, without comments. */
function settings(unit: string): string[] {
  return readFileSync(join(folder, unit), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

describe("the units", () => {
  it("are the daemon, once and as a template, a KV server, and a backup with its timer", () => {
    expect(services.sort()).toEqual([
      "kvsync-backup.service",
      "kvsync-server.service",
      "kvsync.service",
      "kvsync@.service",
    ]);
    expect(timers).toEqual(["kvsync-backup.timer"]);
  });

  it("are all sandboxed alike", () => {
    const sandbox = (unit: string): string[] => settings(unit).filter((line) => !OWN_TO_A_KIND.has(nameOf(line)));
    expect(sandbox("kvsync-backup.service")).toEqual(sandbox("kvsync.service"));
    expect(sandbox("kvsync-server.service")).toEqual(sandbox("kvsync.service"));
    expect(sandbox("kvsync.service").length).toBeGreaterThan(30);
  });

  it("have a state, a token and folders of their own, which the config of a backup names", () => {
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    expect(settings("kvsync-backup.service")).toEqual(
      expect.arrayContaining([
        "StateDirectory=kvsync-backup",
        "LoadCredential=token:/etc/kvsync/backup.token",
        "LoadCredential=kvsync-passphrase:/etc/kvsync/backup.passphrase",
        "ReadWritePaths=-/srv/kvsync-backup",
      ]),
    );
    for (const line of [
      "state_dir: /var/lib/kvsync-backup",
      "store: /srv/kvsync-backup",
      "api_token_file: /run/credentials/kvsync-backup.service/token",
    ])
      expect(readme).toContain(line);
  });

  it("are a KV server alike over SQLite and over PostgreSQL, but for where the data is", () => {
    const commandOf = (unit: string): string => settings(unit).findLast((line) => line.startsWith("ExecStart=")) ?? "";
    expect(commandOf("kvsync-server.service").replace(" --data /var/lib/kvsync-server", "")).toBe(
      commandOf("kvsync-server-postgres.conf"),
    );
    expect(settings("kvsync-server-postgres.conf")).toContain("ExecStart=");
  });

  it("differ only in config, state, token and name", () => {
    const instance = settings("kvsync@.service").map((line) =>
      line
        .replace("/etc/kvsync/%i.yaml", "/etc/kvsync/kvsync.yaml")
        .replace("/etc/kvsync/%i.token", "/etc/kvsync/token")
        .replace("kvsync-%i", "kvsync")
        .replace(" (%i)", ""),
    );
    expect(instance).toEqual(settings("kvsync.service"));
  });

  it("have no setting twice but those that add up", () => {
    const names = settings("kvsync.service").map(nameOf);
    const twice = names.filter((name, i) => names.indexOf(name) !== i);
    expect(new Set(twice)).toEqual(new Set(["SystemCallFilter"]));
  });
});

/** What a daemon and a round that ends have not in common. All else is the sandbox. */
const OWN_TO_A_KIND = new Set([
  "Description",
  "StartLimitIntervalSec",
  "StartLimitBurst",
  "Type",
  "NotifyAccess",
  "ExecStart",
  "ExecReload",
  "SyslogIdentifier",
  "WatchdogSec",
  "TimeoutStartSec",
  "KillMode",
  "Restart",
  "RestartSec",
  "SuccessExitStatus",
  "RestartPreventExitStatus",
  "Nice",
  "StateDirectory",
  "WorkingDirectory",
  "LoadCredential",
  "ReadWritePaths",
  "[Install]",
  "WantedBy",
]);

const ANALYZE = "systemd-analyze";
const hasAnalyze = spawnSync(ANALYZE, ["--version"]).status === 0;

describe.skipIf(!hasAnalyze).each([...services, ...timers])("systemd-analyze on %s", (unit) => {
  it("verify is silent", () => {
    const { status, stdout, stderr } = spawnSync(ANALYZE, ["verify", join(folder, unit)], {
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it.skipIf(unit.endsWith(".timer"))("security rates it 2.0 or less", () => {
    const report = execFileSync(ANALYZE, ["security", "--offline=true", join(folder, unit)], {
      encoding: "utf8",
    });
    const rating = /Overall exposure level for \S+: (\d+\.\d)/.exec(report)?.[1];
    expect(Number(rating)).toBeLessThanOrEqual(2);
  });
});
