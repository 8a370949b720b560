// Keys that were changed at the remote within the settle window: nothing is concluded yet, and that is said, with their names.

import { expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { configure, done, files, inStep, kvsync, numbered, put } from "../support/planned-folder.ts";

it("a key that is not settled yet is named, and counts neither as unchanged nor as a difference", async () => {
  await inStep("two-way", ", settle_window: 1m");
  await put("k2", "theirs");
  await done("key", "delete", "k1", "-n", "app");
  await done("sync");
  // What was there before comes back: k2 within the window of its change.
  await put("k2", "value 2");
  for (const command of ["diff", "plan", "sync"]) {
    const { stdout, stderr } = await done(command, "app", "-v");
    expect(stdout).toContain("18 unchanged, 2 not settled yet");
    expect(stderr).toContain("? k1: the namespace shows none: deleted within the settle window, or its listing lags");
    expect(stderr).toContain("? k2: the namespace shows what was there before");
    const quick = await done(command, "app");
    expect(quick.stderr).toContain("2 not settled yet: KV may lag behind itself");
    expect(quick.stderr).not.toContain("k1");
    const told = records((await done(command, "app", "--json")).stdout);
    expect(told.filter(({ type }) => type === "unsettled")).toEqual([
      { type: "unsettled", key: "k1", at: "destination", lag: "absent" },
      { type: "unsettled", key: "k2", at: "destination", lag: "older" },
    ]);
    expect(told.at(-1)).toMatchObject({ unchanged: 18, lagging: 2, written: 0, removed: 0 });
  }
  expect(files()).toEqual({ ...numbered(20), k2: "theirs" });
  // The window is over.
  configure({ app: "two-way" });
  const over = await kvsync("diff", "app");
  expect([over.code, over.stdout]).toEqual([4, expect.stringMatching(/<- - k1\n *<- ~ k2\n/)]);
});
