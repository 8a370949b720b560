// remove_after on the real thing: a file that is gone keeps its key for as long, and for good if it comes back; in a daemon that is
// killed in between, in single commands, and while a build makes its folder anew.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { pause } from "../support/daemon-process.ts";
import { ServedMapping } from "../support/served-mapping.ts";

let fixture: ServedMapping;

beforeEach(() => {
  fixture = new ServedMapping();
});

afterEach(() => fixture.close());

async function has(key: string): Promise<boolean> {
  return Object.hasOwn(await fixture.values(), key);
}

/** `count` files, of which few are removed by a test: no guard is to have a say. */
function write(count: number): void {
  for (let i = 0; i < count; i++) fixture.write(`app/k${i}`, `value ${i}`);
}

function summary(stdout: string): Record<string, unknown> | undefined {
  return records(stdout).find(({ type }) => type === "summary");
}

describe("single commands", () => {
  it("keep the key, tell when it is removed, and count over runs", async () => {
    await fixture.serve("app", ", remove_after: 20s");
    write(30);
    await fixture.run("push");
    fixture.remove("app/k1", "app/k2");
    const pushed = await fixture.run("push");
    expect(pushed.stdout).toMatch(
      /2 keys are gone from the folder, and are removed from the namespace later, the first of them in (20|1\d(\.\d)?)s/,
    );
    const removesAt = Date.now() + 20_000;
    // Nothing is to be done now, and that is no difference.
    for (const command of ["plan", "diff"]) {
      const { code, stdout } = await fixture.run(command, "--json");
      expect([code, summary(stdout)]).toEqual([0, expect.objectContaining({ removed: 0, removesLater: 2 })]);
      expect(summary(stdout)?.["removesLaterInMs"]).toBeLessThan(20_000);
    }
    const { code: planned } = await fixture.run("plan", "--out", "plan.json");
    expect([planned, (await fixture.run("status")).stdout]).toEqual([
      0,
      expect.stringMatching(/2 gone, the first removed in/),
    ]);
    fixture.write("app/k2", "value 2");
    await fixture.until(() => Date.now() > removesAt);
    const { stdout } = await fixture.run("push", "--json");
    expect(summary(stdout)).toMatchObject({ removed: 1, unchanged: 29 });
    expect(summary(stdout)).not.toHaveProperty("removesLater");
    expect([await has("k1"), await has("k2")]).toEqual([false, true]);
    // The plan was made before, and has nothing to do.
    expect((await fixture.run("apply", "plan.json")).code).toBe(0);
  });

  it("of copy --delete know of no such time", async () => {
    await fixture.serve("app", ", remove_after: 1h");
    write(30);
    await fixture.run("push");
    fixture.remove("app/k1");
    const { code } = await fixture.run("copy", "--delete", "./app", "net:app");
    expect([code, await has("k1")]).toEqual([0, false]);
  });
});

describe("the daemon", () => {
  it("removes a key when its file has been gone for long enough, and never if it comes back", async () => {
    await fixture.serve("app", ", remove_after: 15s");
    write(30);
    await fixture.start("--json");
    await fixture.until(async () => has("k29"));
    fixture.remove("app/k1", "app/k2");
    const gone = Date.now();
    await fixture.until(async () => /"removesLater":\{"keys":2/.test((await fixture.run("status", "--json")).stdout));
    expect([await has("k1"), await has("k2")]).toEqual([true, true]);
    fixture.write("app/k2", "value 2");
    await fixture.until(async () => !(await has("k1")));
    expect(Date.now() - gone).toBeGreaterThan(14_900);
    await fixture.until(async () => /"removesLater":null/.test((await fixture.run("status", "--json")).stdout));
    expect(await has("k2")).toBe(true);
    expect((await fixture.history("removed")).map(({ key }) => key)).toEqual(["k1"]);
  });

  it("goes on with the time when it was killed", async () => {
    await fixture.serve("app", ", remove_after: 15s");
    write(30);
    await fixture.start("--json");
    await fixture.until(async () => has("k29"));
    fixture.remove("app/k1");
    const dueAt = async (): Promise<number | undefined> =>
      records((await fixture.run("status", "--json")).stdout)
        .map(({ removesLater }) => (removesLater as { readonly dueAt: number } | null | undefined)?.dueAt)
        .find((at) => at !== undefined);
    let due: number | undefined;
    await fixture.until(async () => (due = await dueAt()) !== undefined);
    await fixture.stop("SIGKILL");
    await fixture.start("--json");
    // The first round tells it. Where a start takes seconds, it is removed by then.
    let dueNow: number | undefined;
    await fixture.until(async () => (dueNow = await dueAt()) !== undefined || Date.now() >= due!);
    if (dueNow !== undefined) expect(dueNow).toBe(due);
    await fixture.until(async () => !(await has("k1")));
    expect(Date.now()).toBeGreaterThanOrEqual(due!);
  });

  it("removes nothing that stays while a build makes the folder anew", { timeout: 240_000 }, async () => {
    const build = async (n: number): Promise<void> => {
      const dist = join(fixture.dir, "dist");
      rmSync(dist, { recursive: true, force: true });
      mkdirSync(dist);
      for (let i = 0; i < 200; i++) {
        const [name, text] = i % 20 === 0 ? [`asset-${i}-${n}.js`, `script ${n}`] : [`page-${i}.html`, `page ${i}`];
        writeFileSync(join(dist, name), text);
        if (i % 10 === 9) await pause(50);
      }
    };
    await fixture.serve("dist", ", root_swaps: allow, remove_after: 10s");
    await build(0);
    await fixture.start("--json");
    await fixture.until(async () => Object.keys(await fixture.values()).length === 200);
    for (let n = 1; n <= 5; n++) {
      await build(n);
      await fixture.until(async () => has(`asset-180-${n}.js`));
    }
    expect(await fixture.history("held")).toEqual([]);
    await fixture.until(async () => Object.keys(await fixture.values()).length === 200, 30_000);
    const removed = (await fixture.history("removed")).map(({ key }) => String(key));
    expect(removed.filter((key) => key.startsWith("page"))).toEqual([]);
    expect(removed).toHaveLength(50);
  });
});
