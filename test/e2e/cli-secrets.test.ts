// A token in the wrong field of the config is not printed, whatever is said about that field.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../support/cli.ts";

const TOKEN = "Zk3_pQ9vLm2xWc8RtYb5NdHs7JfGa1UeKo4Ti6Xq";
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-secrets-"));
});

afterAll(() => rmSync(cwd, { recursive: true }));

const mapping = (more: string): string => `mappings: { m: { mode: push, namespace: n, ${more} } }\n`;
const sound = "accounts: { a: { endpoint: embedded } }\n";

describe("a token in the wrong field", () => {
  it.each([
    [
      "swapped with the account's id",
      "accounts: { a: { account_id: ${TOK}, api_token: ${ID}, endpoint: http://127.0.0.1:9/ } }\n",
    ],
    ["swapped as text", `accounts: { a: { account_id: ${TOKEN}, api_token: abc, endpoint: http://127.0.0.1:9/ } }\n`],
    ["as a hook", `${sound}${mapping("on_change: ${TOK}")}`],
    ["as an endpoint", "accounts: { a: { endpoint: '${TOK}', account_id: x, api_token: y } }\n"],
    ["as a mode", `${sound}mappings: { m: { mode: '\${TOK}' } }\n`],
    ["as a folder", `${sound}${mapping("folder: '${TOK}'")}`],
    ["as a name of an account", `${sound}${mapping("account: '${TOK}'")}`],
  ])(
    "%s is not printed",
    async (_, config) => {
      writeFileSync(join(cwd, "kvsync.yaml"), config);
      const env = { TOK: TOKEN, ID: "0123456789abcdef0123456789abcdef" };
      for (const args of [["push"], ["doctor", "-v"], ["push", "--json", "-v"]]) {
        const run = await runCli([...args, "--no-wait"], { cwd, env });
        expect(run.stdout + run.stderr).not.toContain(TOKEN);
        expect(run.stdout + run.stderr).not.toContain(TOKEN.slice(4, 30));
      }
    },
    120_000,
  );
});
