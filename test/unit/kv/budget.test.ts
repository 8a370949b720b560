import { describe, expect, it } from "vitest";
import type { AppError } from "../../../src/core/errors.ts";
import { type Budget, type BudgetWait, openBudget, type Permit } from "../../../src/kv/budget.ts";
import type { Priority } from "../../../src/kv/kv-api.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const WINDOW = 300_000;

/** Lets pending promises run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks for permits, and tells the order in which they were granted. */
function queueUp(
  budget: Budget,
  priorities: readonly Priority[],
): { readonly granted: string[]; readonly permits: Permit[] } {
  const granted: string[] = [];
  const permits: Permit[] = [];
  priorities.forEach((priority, i) => {
    void budget.acquire(priority).then((permit) => {
      granted.push(`${priority} ${i}`);
      permits.push(permit);
    });
  });
  return { granted, permits };
}

describe("the budget", () => {
  it("lets a small job go at full speed", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, concurrency: 1000 });
    const { granted } = queueUp(
      budget,
      Array.from({ length: 150 }, () => "edit"),
    );
    await settle();
    expect(granted).toHaveLength(150);
    expect(clock.sleeping).toBe(0);
  });

  it("lets edits go before scans before scrubs, and each in the order they came", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, concurrency: 1 });
    const first = await budget.acquire("scan");
    const { granted, permits } = queueUp(budget, ["scrub", "scan", "edit", "scan", "edit"]);
    first.settle();
    for (let i = 0; i < 5; i++) {
      await settle();
      permits[i]?.settle();
    }
    expect(granted).toEqual(["edit 2", "edit 4", "scan 1", "scan 3", "scrub 0"]);
  });

  it("keeps some of the budget from scans, so that an edit does not wait for them", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, requests: 100, windowMs: WINDOW, concurrency: 1000 });
    const scans = queueUp(
      budget,
      Array.from({ length: 200 }, () => "scan"),
    );
    await settle();
    expect(scans.granted).toHaveLength(99);
    scans.permits.forEach((permit) => permit.settle());
    const edits = queueUp(budget, ["edit", "edit"]);
    await settle();
    expect(edits.granted).toEqual(["edit 0"]);
  });

  it("gives backups the share of polls at most, leaves a fifth to others, and lets all others go first", async () => {
    const clock = new FakeClock();
    const many = Array.from({ length: 200 }, () => "backup" as const);
    const budget = openBudget({ clock, requests: 100, windowMs: WINDOW, pollShare: 0.5, concurrency: 1000 });
    const backups = queueUp(budget, many);
    await settle();
    expect(backups.granted).toHaveLength(50);
    const others = queueUp(budget, ["scrub", "scan", "edit"]);
    await settle();
    expect(others.granted).toHaveLength(3);
    backups.permits.forEach((permit) => permit.settle());
    await clock.advance(WINDOW);
    await settle();
    expect(backups.granted).toHaveLength(100);
    const generous = openBudget({ clock, requests: 100, windowMs: WINDOW, concurrency: 1000 });
    const all = queueUp(generous, many);
    await settle();
    expect(all.granted).toHaveLength(80);
  });

  it("uses 98 % of the budget and more at 200 ms a request, and never passes it in any window", async () => {
    const clock = new FakeClock();
    const start = clock.now();
    const budget = openBudget({ clock });
    const answers: number[] = [];
    const hours = 1;
    const end = start + hours * 3_600_000;
    const worker = async (): Promise<void> => {
      while (clock.now() < end) {
        const permit = await budget.acquire("scan");
        await clock.sleep(200);
        permit.settle();
        answers.push(clock.now() - start);
      }
    };
    const workers = Array.from({ length: 20 }, () => worker());
    await clock.advance(hours * 3_600_000);
    expect(workers).toHaveLength(20);
    const windows = (hours * 3_600_000) / WINDOW;
    expect(answers.length).toBeGreaterThanOrEqual(windows * 1200 * 0.98);
    for (let i = 1200; i < answers.length; i++) expect(answers[i]! - answers[i - 1200]!).toBeGreaterThanOrEqual(WINDOW);
  });

  it("uses only its share", async () => {
    const budget = openBudget({
      clock: new FakeClock(),
      requests: 100,
      windowMs: WINDOW,
      share: 0.3,
      concurrency: 1000,
    });
    const { granted } = queueUp(
      budget,
      Array.from({ length: 100 }, () => "edit"),
    );
    await settle();
    expect(granted).toHaveLength(30);
  });

  it("tells once that a request waits for the window, and how long", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, requests: 1, windowMs: WINDOW });
    (await budget.acquire("edit")).settle();
    const waits: BudgetWait[] = [];
    const second = budget.acquire("edit", { onWait: (wait) => waits.push(wait) });
    await clock.advance(WINDOW / 2);
    void budget.acquire("scan").catch(() => undefined);
    await clock.advance(WINDOW / 2);
    (await second).giveBack();
    expect(waits).toEqual([{ waitMs: WINDOW, priority: "edit" }]);
  });

  it("fails rather than waits, for those who do not want to", async () => {
    const budget = openBudget({ clock: new FakeClock(), requests: 1, windowMs: WINDOW });
    (await budget.acquire("edit")).settle();
    const error = await budget.acquire("edit", { noWait: true }).catch((caught: unknown) => caught as AppError);
    expect(error).toMatchObject({ code: "budget-exhausted", retryable: true });
    expect((error as AppError).message).toContain("300 s");
  });

  it("waits for a place among the requests at a time even without a wish to wait", async () => {
    const budget = openBudget({ clock: new FakeClock(), concurrency: 1 });
    const first = await budget.acquire("edit");
    const second = budget.acquire("edit", { noWait: true });
    first.settle();
    expect(await second).toBeDefined();
  });

  it("lets go of one who no longer waits, and not of the others", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, requests: 1, windowMs: WINDOW });
    (await budget.acquire("edit")).settle();
    const stop = new AbortController();
    const left = budget.acquire("edit", { signal: stop.signal });
    const stays = budget.acquire("edit");
    stop.abort(new Error("stop"));
    await expect(left).rejects.toThrow("stop");
    expect(budget.status()).toEqual({ inFlight: 0, waiting: 1 });
    await clock.advance(WINDOW);
    expect(await stays).toBeDefined();
    await expect(budget.acquire("edit", { signal: stop.signal })).rejects.toThrow("stop");
  });

  it("stops everyone when the server blocks, and goes on after", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock });
    budget.block(10_000);
    const { granted } = queueUp(budget, ["edit", "scrub"]);
    await clock.advance(9999);
    expect(granted).toEqual([]);
    await clock.advance(1);
    expect(granted).toEqual(["edit 0", "scrub 1"]);
  });

  it("slows down to what answers say is left", async () => {
    const clock = new FakeClock();
    const budget = openBudget({ clock });
    const first = await budget.acquire("edit");
    first.settle({ remaining: { left: 2, resetMs: 60_000 }, policies: [] });
    first.settle({ remaining: { left: 100, resetMs: 600_000 }, policies: [] });
    const { granted } = queueUp(budget, ["edit", "edit", "edit"]);
    await clock.advance(59_999);
    expect(granted).toHaveLength(2);
    await clock.advance(1);
    expect(granted).toHaveLength(3);
  });

  it("has no limit when told so, but for the requests at a time", async () => {
    const budget = openBudget({ clock: new FakeClock(), requests: Number.POSITIVE_INFINITY, concurrency: 5000 });
    const { granted } = queueUp(
      budget,
      Array.from({ length: 4000 }, () => "scrub"),
    );
    await settle();
    expect(granted).toHaveLength(4000);
  });

  it.each([{ requests: 0 }, { requests: Number.NaN }, { windowMs: 0 }, { share: 0 }, { share: 1.5 }])(
    "refuses %o",
    (options) => {
      expect(() => openBudget({ clock: new FakeClock(), ...options })).toThrow("is no budget");
    },
  );

  it("goes on with what an earlier process has used", async () => {
    const clock = new FakeClock();
    const earlier = openBudget({ clock, requests: 2, windowMs: WINDOW });
    (await earlier.acquire("edit")).settle();
    (await earlier.acquire("edit")).settle();
    await clock.advance(WINDOW / 2);
    expect(earlier.recent()).toEqual([WINDOW / 2, WINDOW / 2]);
    const later = openBudget({ clock, requests: 2, windowMs: WINDOW, recent: earlier.recent() });
    await expect(later.acquire("edit", { noWait: true })).rejects.toThrow("used up");
  });

  it.each([-86_400_000, 86_400_000])("waits as long as it must when the clock is set by %i ms", async (jump) => {
    const clock = new FakeClock();
    const budget = openBudget({ clock, requests: 1, windowMs: WINDOW });
    (await budget.acquire("edit")).settle();
    const { granted } = queueUp(budget, ["edit"]);
    clock.jump(jump);
    await clock.advance(WINDOW - 1);
    expect(granted).toEqual([]);
    await clock.advance(2);
    expect(granted).toEqual(["edit 0"]);
  });
});
