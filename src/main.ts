#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 node --min-semi-space-size=8 --max-semi-space-size=16 --max-old-space-size=1024
// The entry point. It does as little as can be: `--version` loads nothing else, and everything else is loaded when it
// is known which Node this is.
//
// The first line keeps memory near what is alive. For V8: what is read, encoded and sent dies young, whatever its size, and
// a young generation that has its size from the start neither copies it while growing nor, unless a command lets it
// (cli/process/heap.ts), grows beyond; with twice as much a push peaks 15 MB higher, and a round with nothing to do takes a tenth
// less time. 1 GB is far above what any command holds; V8 lets the heap grow faster the higher that is. For malloc (glibc's;
// mallopt(3)): threads share two arenas, and what is freed goes back to the system. A push of 100,000 files peaks at 175 MB
// with all of it, at 340 without.

import process from "node:process";

const NODE_MAJOR_MIN = 24;

const args = process.argv.slice(2);
if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  const { runWithOwnNode } = await import("./cli/process/own-node.ts");
  process.exitCode = await runWithOwnNode(args);
} else if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
  const { VERSION } = await import("./cli/process/version.ts");
  process.stdout.write(`${VERSION}\n`);
} else {
  const { keepYoungGeneration } = await import("./cli/process/heap.ts");
  keepYoungGeneration();
  const { useCompileCache } = await import("./cli/process/compile-cache.ts");
  useCompileCache();
  const { quietSqliteWarning } = await import("./cli/process/quiet-sqlite.ts");
  quietSqliteWarning();
  const { runCli } = await import("./cli/run.ts");
  await runCli(args);
}
