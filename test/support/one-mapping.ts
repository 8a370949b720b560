// A folder of its own for each test, with one mapping, `app`, between its `kv/` and the embedded server.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type CliRun, runCli } from "./cli.ts";

export let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-one-mapping-"));
  mkdirSync(join(dir, "kv"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

export const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

export const write = (name: string, text: string): void => writeFileSync(join(dir, "kv", name), text);

/** A mapping of this mode, with `more` in its config. */
export function configure(mode: string, more = "", account = "endpoint: embedded"): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts: { local: { ${account} } }\nmappings:\n` +
      `  app: { account: local, folder: ./kv, mode: ${mode}, create: true${more} }\n`,
  );
}
