// `kvsync namespace create` when its first request fails: it says "created" of no namespace that somebody else has made.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";
import { answer, refuse, type ScriptedServer, startScriptedServer } from "../unit/kv/scripted-server.ts";

interface Listed {
  readonly id: string;
  readonly title: string;
}

const THEIRS = "0f2ac74b498b48028cb68387c421e279";
const OURS = "1f2ac74b498b48028cb68387c421e279";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-create-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** An API with the namespaces `before`, in which the first creation meets with `first`, and each later one with what is true. */
function startApi(before: readonly Listed[], first: (response: ServerResponse) => readonly Listed[]) {
  let namespaces = before;
  let creations = 0;
  return startScriptedServer((request, response) => {
    if (request.method === "GET") return answer(response, namespaces, { page: 1, per_page: 1000, total_pages: 1 });
    if (creations++ === 0) {
      namespaces = first(response);
      return;
    }
    if (namespaces.some(({ title }) => title === "app")) return refuse(response, 400, 10014, "already exists");
    namespaces = [...namespaces, { id: OURS, title: "app" }];
    answer(response, namespaces.at(-1));
  });
}

function create(api: ScriptedServer): Promise<CliRun> {
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    `accounts: { dev: { endpoint: "${api.url}", account_id: acct, api_token: right } }\n`,
  );
  return runCli(["namespace", "create", "dev:app"], { cwd });
}

const busy = (response: ServerResponse): void => refuse(response, 429, 971, "wait", { "retry-after": "1" });
const reset = (response: ServerResponse): void => void response.destroy();

it("of a title that exists tells its id, and what to type", async () => {
  await using api = await startApi([{ id: THEIRS, title: "app" }], () => []);
  const run = await create(api);
  expect([run.code, run.stdout]).toEqual([1, ""]);
  expect(run.stderr).toContain(`dev:app exists already, with the id ${THEIRS}`);
  expect(run.stderr).toContain(`\`kvsync namespace get ${THEIRS} --account dev\``);
  expect(api.requests.map(({ method }) => method)).toEqual(["GET"]);
});

it.each([
  ["is refused for its rate, while somebody creates the namespace", busy, [], [{ id: THEIRS, title: "app" }]],
  [
    "is reset, while somebody gives a namespace this title",
    reset,
    [{ id: THEIRS, title: "other" }],
    [{ id: THEIRS, title: "app" }],
  ],
])("whose first request %s fails, and says what to type", async (_, fail, before, after) => {
  await using api = await startApi(before, (response) => {
    fail(response);
    return after;
  });
  const run = await create(api);
  expect([run.code, run.stdout]).toEqual([1, ""]);
  expect(run.stderr).toContain('could not create namespace "app": the title is taken');
  expect(run.stderr).toContain("`kvsync namespace list`");
});

it.each([
  ["is refused for its rate", busy, []],
  ["is reset before it is carried out", reset, []],
  ["is carried out and its answer is lost", reset, [{ id: OURS, title: "app" }]],
])("whose first request %s creates the namespace all the same", async (_, fail, after) => {
  await using api = await startApi([], (response) => {
    fail(response);
    return after;
  });
  expect(await create(api)).toMatchObject({ code: 0, stdout: `created dev:app (${OURS})\n` });
});
