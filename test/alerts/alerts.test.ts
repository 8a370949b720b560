// The alert rules in docs/: over metrics that exist, and as promtool finds them. In CI promtool is there, or the test fails.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openMetrics } from "../../src/monitor/metrics.ts";
import { FakeClock } from "../support/fake-clock.ts";

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const root = resolve(import.meta.dirname, "../..");
const file = join(root, "docs/alerts.yml");
const tests = join(root, "test/alerts/alerts.rules.test.yml");
const { groups } = parse(readFileSync(file, "utf8")) as { readonly groups: { readonly rules: readonly AlertRule[] }[] };
const rules = groups.flatMap((group) => group.rules);

const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;
const isOptional = process.env["CI"] === undefined;

describe("the alert rules", () => {
  it("are about metrics that kvsync has", async () => {
    const metrics = await openMetrics({
      clock: new FakeClock(),
      version: "1.0.0",
      read: () => ({ accounts: [], mappings: [], backups: [] }),
    });
    const { text } = await metrics.render("text");
    const known = new Set([...text.matchAll(/^# TYPE (kvsync_\S+)/gm)].map(([, name]) => name));
    const used = rules.flatMap(({ expr }) => [...expr.matchAll(/kvsync_\w+/g)].map(([name]) => name));
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it("each say how urgent it is, what is wrong and what to type", () => {
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Kvsync[A-Z]/);
      expect(["page", "ticket"]).toContain(labels.severity);
      expect(annotations.summary).not.toBe("");
      expect(annotations.description).toMatch(/Type: |Check |Poll less/);
    }
  });

  it.skipIf(!hasPromtool && isOptional).each([
    ["are what Prometheus takes", ["check", "rules", file]],
    ["fire when they should, and not before", ["test", "rules", tests]],
  ])("%s", (_, args) => {
    const { status, stdout, stderr, error } = spawnSync("promtool", args, { encoding: "utf8" });
    expect(error).toBeUndefined();
    expect(stdout + stderr).not.toMatch(/FAILED|error/i);
    expect(status).toBe(0);
  });

  it("each have a case in which they fire", () => {
    const cases = readFileSync(tests, "utf8");
    for (const { alert } of rules)
      expect(cases).toMatch(new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n +- exp_labels`));
  });
});
