// Where the system cannot watch (any more), a watcher polls, says why, and goes back to watching when it can.
//
// Limits are those of a process or of a user, so each test has a process of its own (watch-until-limit.ts).

import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { makeFolder, makeFolders } from "./watch-fixture.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("./watch-until-limit.ts", import.meta.url));
/** A user namespace has limits of its own, where it may be made. */
const WATCHES_MAX = "/proc/sys/user/max_inotify_watches";
const inNamespace = ["--user", "--map-root-user", "sh", "-c", `echo 20 > ${WATCHES_MAX} && exec "$0" "$@"`] as const;
const hasNamespaces = spawnSync("unshare", [...inNamespace, "true"]).status === 0;

const polled = { kind: "polling", everyMs: 1000 };

it.skipIf(!hasNamespaces)("a tree of more folders than may be watched is polled until they may", async () => {
  const root = makeFolder();
  makeFolders(
    root,
    Array.from({ length: 30 }, (_, i) => `d${i}`),
  );
  const { stdout } = await run("unshare", [...inNamespace, process.execPath, script, root, "raise", WATCHES_MAX]);
  const reason = "the system's limit of watched folders is reached";
  const hint = expect.stringMatching(/^raise fs.inotify.max_user_watches \(now \d+\) with sysctl; /);
  expect(parseLines(stdout)).toEqual([
    { at: "open", state: { ...polled, reason, hint }, watches: 0 },
    { at: "poll", watches: 0 },
    { at: "refresh", state: { kind: "watching", folders: 31, unreadable: 0 }, watches: 31 },
    { at: "dirty", path: "new/", watches: 32 },
    { at: "close", watches: 0 },
  ]);
});

it.skipIf(!hasNamespaces)("a tree that grows beyond what may be watched is polled from then on", async () => {
  const root = makeFolder();
  const { stdout } = await run("unshare", [...inNamespace, process.execPath, script, root, "grow"]);
  const reason = "the system's limit of watched folders is reached";
  expect(parseLines(stdout)).toEqual([
    { at: "open", state: { kind: "watching", folders: 1, unreadable: 0 }, watches: 1 },
    { at: "rescan", reason, watches: 0 },
    { at: "poll", watches: 0 },
    { at: "close", watches: 0 },
  ]);
});

it.skipIf(!hasNamespaces)("a tree that may not be polled is not watched until it may, and says so", async () => {
  const root = makeFolder();
  makeFolders(
    root,
    Array.from({ length: 30 }, (_, i) => `d${i}`),
  );
  const args = [script, root, "retry", WATCHES_MAX, "native"];
  const { stdout } = await run("unshare", [...inNamespace, process.execPath, ...args]);
  const reason = "the system's limit of watched folders is reached";
  const hint = expect.stringMatching(/^raise fs.inotify.max_user_watches/);
  expect(parseLines(stdout)).toEqual([
    { at: "open", state: { kind: "unwatched", everyMs: 60_000, reason, hint }, watches: 0 },
    { at: "rescan", reason: "the folder can be watched again", watches: 31 },
    { at: "close", watches: 0 },
  ]);
});

it("a process without descriptors polls until it has some", async () => {
  const root = makeFolder();
  makeFolders(root, ["d"]);
  const limited = ["-c", 'ulimit -n 64 && exec "$0" "$@"', process.execPath, script, root, "descriptors"];
  const { stdout } = await run("sh", limited);
  const reason = "the limit of open files, or of programs that watch files, is reached";
  expect(parseLines(stdout)).toEqual([
    { at: "open", state: { ...polled, reason, hint: expect.stringContaining("LimitNOFILE") }, watches: 0 },
    { at: "poll", watches: 0 },
    { at: "refresh", state: { kind: "watching", folders: 2, unreadable: 0 }, watches: 2 },
    { at: "dirty", path: "new/", watches: 3 },
    { at: "close", watches: 0 },
  ]);
});

function parseLines(text: string): unknown {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}
