// Servers that begin with archives, in processes of their own, and a config in which each is an account. For what moves between them.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type CliRun, ended, records, startCli } from "./cli.ts";

export interface BegunServer {
  readonly url: string;
  /** What it said before it listened. */
  readonly events: readonly Record<string, unknown>[];
  stop(): Promise<CliRun>;
}

/** `kvsync serve ARGS` on a free port. Rejects if it ends before it listens. */
export async function beginServer(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BegunServer> {
  const child = startCli(["serve", "--port", "0", "--json", ...args], { cwd, env });
  const over = ended(child);
  const lines: string[] = [];
  await Promise.race([
    new Promise<void>((resolve) =>
      createInterface(child.stdout!).on("line", (line) => {
        lines.push(line);
        if (line.includes('"listening"')) resolve();
      }),
    ),
    over.then((run) => {
      throw new Error(`the server ended with ${run.code}: ${run.stderr}`);
    }),
  ]);
  const events = records(lines.join("\n"));
  return {
    url: String(events.at(-1)?.["url"]),
    events: events.slice(0, -1),
    stop() {
      child.kill();
      return over;
    },
  };
}

/** Each account is the account `dev` of a server. */
export function writeAccounts(cwd: string, accounts: Readonly<Record<string, BegunServer>>): void {
  const lines = Object.entries(accounts).map(
    ([name, { url }]) =>
      `  ${name}: { endpoint: "${url}", account_id: dev, api_token: any, budget: { requests: 100000, per: 1s } }\n`,
  );
  writeFileSync(join(cwd, "kvsync.yaml"), `state_dir: ./state\naccounts:\n${lines.join("")}`);
}

/** A request about the namespaces of the account `dev`. Resolves with its result. */
export async function askNamespaces(server: BegunServer, body?: object): Promise<unknown> {
  const response = await fetch(`${server.url}/accounts/dev/storage/kv/namespaces?order=title`, {
    headers: { authorization: "Bearer any", "content-type": "application/json" },
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  return ((await response.json()) as { readonly result: unknown }).result;
}

const LATER = Math.floor(Date.now() / 1000) + 86_400;
const NASTY = [
  "",
  "%",
  "%2F",
  "/b",
  "/",
  "..a",
  "\nb",
  "\0",
  "ÿ",
  "\u{ffff}",
  "\u{1f600}",
  "__proto__",
  "x".repeat(511),
];

/** Writes `count` pairs in wrangler's form to `path`, and then the odd ones: keys, binary values, metadata, an expiration, the largest value. Returns
 * how many there are in all. */
export function writeOddPairs(path: string, count: number): number {
  const pairs: object[] = Array.from({ length: count }, (_, i) => ({ key: `k/${i}`, value: `value ${i}` }));
  for (const odd of NASTY) pairs.push({ key: `a${odd}`, value: `of ${odd}`, metadata: { odd, list: [1, null] } });
  pairs.push(
    { key: "binary", value: Buffer.from([255, 0, 128]).toString("base64"), base64: true },
    { key: "empty", value: "" },
    { key: "later", value: "x", expiration: LATER, metadata: "text" },
    { key: "large", value: Buffer.alloc(25 * 1024 * 1024, 200).toString("base64"), base64: true },
  );
  writeFileSync(path, JSON.stringify(pairs));
  return pairs.length;
}
