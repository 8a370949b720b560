// A process that runs into a limit of watches or descriptors and tells, a line each, what its watcher makes of it; run by
// watch-limits.test.ts. The arguments: the root, which limit ("raise", "grow", "retry", "descriptors"), the file to raise it in, and the mode.

import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { openWatcher } from "../../../src/daemon/watch/open-watcher.ts";
import type { WatcherOptions } from "../../../src/daemon/watch/watcher.ts";
import { HastyClock } from "./watch-clock.ts";
import { countHandles } from "./watch-handles.ts";

const [root = "", limit = "", file = "", mode = "auto"] = process.argv.slice(2);

const told: object[] = [];
const tell = (line: object): void => void told.push({ ...line, watches: countHandles().watches });

const taken: number[] = [];
if (limit === "descriptors") takeDescriptors();

let reported = Promise.withResolvers<void>();
const report = (line: object): void => {
  const isNext = reported;
  reported = Promise.withResolvers<void>();
  giveDescriptors();
  tell(line);
  isNext.resolve();
};
const watcher = await openWatcher({
  // A retry comes after ten minutes.
  clock: new HastyClock(limit === "retry" ? 1000 : undefined),
  root,
  ignorePaths: [],
  mode: mode as WatcherOptions["mode"],
  pollIntervalMs: 1000,
  rescanIntervalMs: 60_000,
  events: {
    // Of what else came, as much as had until the quiet period ended.
    onDirty: (paths) => {
      if (paths.includes("new/")) report({ at: "dirty", path: "new/" });
    },
    onRescan: (reason) => report({ at: "rescan", reason }),
    onPoll: () => report({ at: "poll" }),
  },
});
const atOpen = watcher.state();
if (limit === "descriptors") told.push({ at: "open", state: atOpen, watches: 0 });
else tell({ at: "open", state: atOpen });

if (limit === "grow") {
  for (let i = 0; i < 40; i++) mkdirSync(`${root}/d${i}`);
  await reported.promise;
  await reported.promise;
} else if (limit === "retry") {
  writeFileSync(file, "1000");
  await reported.promise;
} else {
  await reported.promise;
  if (limit === "raise") writeFileSync(file, "1000");
  await watcher.refresh();
  tell({ at: "refresh", state: watcher.state() });
  mkdirSync(`${root}/new`);
  await reported.promise;
}
await watcher.close();
tell({ at: "close" });
for (const line of told) process.stdout.write(`${JSON.stringify(line)}\n`);

function takeDescriptors(): void {
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EMFILE") throw error;
  }
}

function giveDescriptors(): void {
  for (const descriptor of taken.splice(0)) closeSync(descriptor);
}
