// Two accounts of one config, `old` and `new`, on two servers: what migrations are tried out between, from the command line.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/system-clock.ts";
import type { MigrationRecord } from "../../src/migration/migration-record.ts";
import { type CliRun, runCli } from "./cli.ts";
import { startTestServer, type TestServer } from "./server.ts";

export interface Pair {
  readonly key: string;
  readonly value: string;
  readonly metadata?: unknown;
}

export interface TwoServers extends AsyncDisposable {
  /** With the config, and the state folder `state`. */
  readonly dir: string;
  readonly source: TestServer;
  readonly destination: TestServer;
  /** `kvsync migrate ARGS` with a short settle window. */
  migrate(...args: readonly string[]): Promise<CliRun>;
  recordOf(migration: string): MigrationRecord;
}

/** `more`: further lines of the config. `clock`: of both servers. */
export async function openTwoServers(more = "", clock = systemClock): Promise<TwoServers> {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-migrate-"));
  const source = await startTestServer({ token: "source-token", clock });
  const destination = await startTestServer({ token: "destination-token", clock });
  const account = ({ url, token }: TestServer): string =>
    `{ endpoint: "${url}", account_id: testaccount, api_token: ${token}, budget: { requests: 100000, per: 1s } }`;
  const config = `state_dir: ./state\naccounts:\n  old: ${account(source)}\n  new: ${account(destination)}\n${more}`;
  writeFileSync(join(dir, "kvsync.yaml"), config);
  return {
    dir,
    source,
    destination,
    migrate: (...args) => runCli(["migrate", ...args, "--settle-window", "200ms"], { cwd: dir }),
    recordOf: (name) =>
      JSON.parse(readFileSync(join(dir, "state", "migrations", name, "migration.json"), "utf8")) as MigrationRecord,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source.close(), destination.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The result of a request to `path` of the account's namespaces. */
export async function call(server: TestServer, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${server.namespacesUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return ((await response.json()) as { result: unknown }).result;
}

/** Returns its id. */
export async function create(
  server: TestServer,
  title: string,
  pairs: readonly Pair[],
  kind: object = {},
): Promise<string> {
  const { id } = (await call(server, "POST", "", { title, ...kind })) as { id: string };
  if (pairs.length > 0) await call(server, "PUT", `/${id}/bulk`, pairs);
  return id;
}

export async function keysOf(server: TestServer, id: string): Promise<readonly string[]> {
  return ((await call(server, "GET", `/${id}/keys`)) as { name: string }[]).map(({ name }) => name);
}

export async function valueOf(server: TestServer, id: string, key: string): Promise<string> {
  const headers = { authorization: `Bearer ${server.token}` };
  return (await fetch(`${server.namespacesUrl}/${id}/values/${encodeURIComponent(key)}`, { headers })).text();
}

/** By title. */
export async function titlesOf(server: TestServer): Promise<Record<string, { id: string; jurisdiction?: string }>> {
  const all = (await call(server, "GET", "?per_page=100")) as { id: string; title: string }[];
  return Object.fromEntries(all.map((one) => [one.title, one]));
}

export function numbered(count: number): readonly Pair[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k/${String(i).padStart(5, "0")}`, value: `value ${i}` }));
}
