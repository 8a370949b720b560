// The systemd units: valid, sandboxed, and the template the same as the unit.

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const folder = resolve(import.meta.dirname, "../../../systemd");
const units = readdirSync(folder).filter((name) => name.endsWith(".service"));

/** `Name=value` lines, with sections, without comments. */
function settings(unit: string): string[] {
  return readFileSync(join(folder, unit), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

describe("the units", () => {
  it("are the daemon, once and as a template", () => {
    expect(units.sort()).toEqual(["kvsync.service", "kvsync@.service"]);
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
    const names = settings("kvsync.service").map((line) => line.split("=", 1)[0] ?? "");
    const twice = names.filter((name, i) => names.indexOf(name) !== i);
    expect(new Set(twice)).toEqual(new Set(["SystemCallFilter"]));
  });
});

const ANALYZE = "systemd-analyze";
const hasAnalyze = spawnSync(ANALYZE, ["--version"]).status === 0;

describe.skipIf(!hasAnalyze).each(units)("systemd-analyze on %s", (unit) => {
  it("verify is silent", () => {
    const { status, stdout, stderr } = spawnSync(ANALYZE, ["verify", join(folder, unit)], {
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("security rates it 2.0 or less", () => {
    const report = execFileSync(ANALYZE, ["security", "--offline=true", join(folder, unit)], {
      encoding: "utf8",
    });
    const rating = /Overall exposure level for \S+: (\d+\.\d)/.exec(report)?.[1];
    expect(Number(rating)).toBeLessThanOrEqual(2);
  });
});
