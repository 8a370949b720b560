// Over TLS, which is all that the real API speaks: a mapping there and back, and what is said where the certificate is not
// trusted.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { CERTIFICATE, CLIENT_CERTIFICATE, openTlsFront, type TlsFront } from "../support/tls/tls-front.ts";

let server: TestServer;
let front: TlsFront;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-tls-"));
  server = await startTestServer({ token: "right" });
  front = await openTlsFront(server.url);
});

afterAll(async () => {
  front.close();
  await server.close();
  rmSync(cwd, { recursive: true });
});

const kvsync = (
  host: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { NODE_EXTRA_CA_CERTS: CERTIFICATE },
): Promise<CliRun> =>
  runCli(args, {
    cwd,
    env: {
      CLOUDFLARE_ACCOUNT_ID: "acct",
      CLOUDFLARE_API_TOKEN: "right",
      CLOUDFLARE_API_BASE_URL: `https://${host}:${front.port}/client/v4`,
      KVSYNC_STATE_DIR: join(cwd, "state"),
      ...env,
    },
  });

it("pushes and pulls values of all sizes, byte for byte, over few connections", async () => {
  mkdirSync(join(cwd, "from"));
  const sizes = [0, 1, 1000, 100_000, 3_000_000];
  for (const size of sizes) writeFileSync(join(cwd, "from", `${size}.bin`), randomBytes(size));
  expect(await kvsync("localhost", ["namespace", "create", "app"])).toMatchObject({ code: 0 });
  expect(await kvsync("localhost", ["copy", "./from", "cloudflare:app"])).toMatchObject({ code: 0 });
  const pulled = await kvsync("localhost", ["copy", "cloudflare:app", "./to", "--json"]);
  expect([pulled.code, records(pulled.stdout).at(-1)]).toMatchObject([0, { written: sizes.length, failed: 0 }]);
  const hash = (folder: string, size: number): string =>
    createHash("sha256")
      .update(readFileSync(join(cwd, folder, `${size}.bin`)))
      .digest("hex");
  for (const size of sizes) expect(hash("to", size)).toBe(hash("from", size));
  expect(front.connections).toBeLessThan(20);
});

it.each([
  ["a certificate that nobody trusts", "localhost", {}, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["a certificate of another host", "127.0.0.1", { NODE_EXTRA_CA_CERTS: CERTIFICATE }, "ERR_TLS_CERT_ALTNAME_INVALID"],
])("ends at once at %s, and says what to check", async (_title, host, env, code) => {
  const run = await kvsync(host, ["namespace", "list"], env);
  expect([run.code, run.stderr]).toEqual([
    1,
    `kvsync: account "cloudflare": could not list the namespaces of the account: no trusted connection to ${host}:${front.port} (${code})\n` +
      "  hint: check the endpoint, the machine's certificates and its clock\n",
  ]);
});

it("ends at once at a certificate that is for something else", async () => {
  const other = await openTlsFront(server.url, CLIENT_CERTIFICATE);
  const run = await runCli(["namespace", "list"], {
    cwd,
    env: {
      CLOUDFLARE_ACCOUNT_ID: "acct",
      CLOUDFLARE_API_TOKEN: "right",
      CLOUDFLARE_API_BASE_URL: `https://localhost:${other.port}/client/v4`,
      NODE_EXTRA_CA_CERTS: CLIENT_CERTIFICATE,
    },
  });
  other.close();
  expect([run.code, run.stderr]).toEqual([
    1,
    expect.stringMatching(/no trusted connection to localhost:\d+ \(INVALID_PURPOSE\)/),
  ]);
});
