// The examples that the help of the commands ends with, typed as they are printed in a folder that `kvsync init` has set up.

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { EXAMPLES } from "../../src/cli/help/examples.ts";
import { ended, runScript, startCli } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

/** What the example config has no use for: a mapping of mode pull, a plan that is held, and somebody to be told; and a folder without a Worker. */
const REFUSED: Readonly<Record<string, { readonly code: number; readonly says: string }>> = {
  "kvsync init --from-wrangler": { code: 7, says: "there is no wrangler.jsonc" },
  "kvsync pull": { code: 2, says: "there is no mapping of mode pull" },
  "kvsync forget ./backups 3f2a9c41": { code: 1, says: "has no snapshot 3f2a9c41" },
  "kvsync migrate cutover move": { code: 2, says: "does not follow its source" },
  "kvsync migrate abort move": { code: 2, says: "is done already" },
  "kvsync notify test": { code: 7, says: "the config names nobody who is to be told" },
  "kvsync approve app-config": { code: 2, says: "not held" },
  "kvsync approve app-config --plan 3f2a9c41": { code: 2, says: "not held" },
  "kvsync conflicts show app-config robots.txt": { code: 2, says: "is in no conflict" },
  "kvsync conflicts resolve app-config robots.txt --keep local": { code: 2, says: "is in no conflict" },
  "kvsync discard app-config": { code: 2, says: "not held" },
};
/** Those that ask the daemon. */
const OF_DAEMON = new Set(["status", "reload", "approve", "page"]);
/** Those that go on until they are stopped, and those for another shell, which their own tests type. */
const ELSEWHERE = new Set(["run", "serve", "events", "completion", ""]);

const folder = new DaemonFixture();
const { dir } = folder;
/** Of those that end, the ones that do not. */
const goesOn = (type: string): boolean => type.endsWith(" --watch");
const asksDaemon = (path: string, type: string): boolean => OF_DAEMON.has(path) || type.endsWith(" --now");

const examples = Object.entries(EXAMPLES)
  .filter(([path]) => !ELSEWHERE.has(path))
  .flatMap(([path, list]) => list.map(({ type }) => ({ path, type })))
  .filter(({ type }) => !goesOn(type));

beforeAll(async () => {
  // Something in the trash: a value that somebody else wrote, and that a push replaced.
  const script = `kvsync init && kvsync push && kvsync key put robots.txt theirs --no-stamp &&
    echo ours > example/app-config/robots.txt && kvsync push &&
    rm kvsync.yaml example/app-config/robots.txt`;
  expect(await runScript(script, { cwd: dir })).toMatchObject({ code: 0 });
});

afterAll(() => folder.close());

const check = async (type: string, cwd: string): Promise<void> => {
  const refused = REFUSED[type];
  const run = await runScript(`set -o pipefail; ${type}`, { cwd });
  expect(run.code, `${type}\n${run.stdout}${run.stderr}`).toBe(refused?.code ?? 0);
  if (refused !== undefined) expect(run.stderr).toContain(refused.says);
};

test.each(examples.filter(({ path, type }) => !asksDaemon(path, type)))("$type", ({ type }) => check(type, dir));

test("those that ask the daemon", async () => {
  const daemon = new DaemonFixture();
  onTestFinished(() => daemon.close());
  expect(await daemon.run("init")).toMatchObject({ code: 0 });
  await daemon.start("--page", "0");
  for (const { path, type } of examples) if (asksDaemon(path, type)) await check(type, daemon.dir);
  expect(await daemon.stop()).toMatchObject({ code: 0 });
});

test("kvsync serve", async () => {
  const { type } = EXAMPLES["serve"]!.find((example) => example.type.includes("--port 0"))!;
  const server = startCli(type.split(" ").slice(1), { cwd: dir });
  const run = ended(server);
  await new Promise<void>((resolve) => void server.stdout?.once("data", () => resolve()));
  server.kill("SIGTERM");
  expect(await run).toMatchObject({ stdout: expect.stringContaining("http://127.0.0.1:") });
});
