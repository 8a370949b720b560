#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 node --min-semi-space-size=8 --max-semi-space-size=16 --max-old-space-size=1024
// The entry point. It does as little as can be: `--version` loads nothing else, and everything else is loaded when it
// is known which Node this is.
// The first line is LAUNCH of cli/process/launch.ts, which says why.

import process from "node:process";

const NODE_MAJOR_MIN = 24;

const args = process.argv.slice(2);
if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  const { runWithOwnNode } = await import("./cli/process/own-node.ts");
  process.exitCode = await runWithOwnNode(args);
} else if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
  const { tellVersion } = await import("./cli/process/tell-version.ts");
  tellVersion();
} else {
  const { keepYoungGeneration } = await import("./cli/process/launch.ts");
  keepYoungGeneration();
  const { stopWithParent } = await import("./cli/process/stop-with-parent.ts");
  stopWithParent();
  const { useCompileCache } = await import("./cli/process/compile-cache.ts");
  useCompileCache();
  const { quietSqliteWarning } = await import("./cli/process/quiet-sqlite.ts");
  quietSqliteWarning();
  const { runCli } = await import("./cli/run.ts");
  await runCli(args);
}
