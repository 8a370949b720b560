// The real wrangler as a child process, sealed off: its own home, no telemetry, no look for updates, and a proxy for
// everything that is not loopback which refuses and remembers what was asked of it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const BIN = join(dirname(fileURLToPath(import.meta.url)), "node_modules/wrangler/bin/wrangler.js");

export interface WranglerRun {
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** stdout and stderr as one text, without colours. */
  readonly output: string;
}

export interface WranglerOptions {
  readonly url: string;
  readonly token: string;
  /** Undefined: wrangler asks the API which account it may use. */
  readonly accountId: string | undefined;
}

export interface Wrangler {
  /** Its working folder, also its home. */
  readonly folder: string;
  run(args: readonly string[], options?: Partial<WranglerOptions>): Promise<WranglerRun>;
  /** The hosts beyond loopback that wrangler tried to reach. */
  readonly strayed: readonly string[];
  close(): Promise<void>;
}

export async function openWrangler(defaults: WranglerOptions): Promise<Wrangler> {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-wrangler-"));
  const strayed: string[] = [];
  const proxy = createServer((request, response) => {
    strayed.push(request.url ?? "");
    response.writeHead(502).end();
  });
  proxy.on("connect", (request, socket) => {
    strayed.push(request.url ?? "");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const proxyUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;

  return {
    folder,
    strayed,
    run(args, options) {
      const { url, token, accountId } = { ...defaults, ...options };
      const env = {
        PATH: process.env["PATH"] ?? "",
        HOME: folder,
        CI: "1",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_WRITE_LOGS: "false",
        DO_NOT_TRACK: "1",
        NO_UPDATE_NOTIFIER: "1",
        HTTP_PROXY: proxyUrl,
        HTTPS_PROXY: proxyUrl,
        NO_PROXY: "127.0.0.1",
        CLOUDFLARE_API_BASE_URL: url,
        CLOUDFLARE_API_TOKEN: token,
        ...(accountId === undefined ? {} : { CLOUDFLARE_ACCOUNT_ID: accountId }),
      };
      return runToEnd([BIN, ...args], folder, env);
    },
    async close() {
      await new Promise((resolve) => proxy.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function runToEnd(args: readonly string[], cwd: string, env: Record<string, string>): Promise<WranglerRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const all: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => void (stdout.push(chunk), all.push(chunk)));
    child.stderr.on("data", (chunk: Buffer) => void all.push(chunk));
    child.once("error", reject);
    child.once("close", (exitCode) => {
      // Wrangler colours some lines whatever NO_COLOR says.
      const output = stripVTControlCharacters(Buffer.concat(all).toString());
      resolve({ exitCode: exitCode ?? -1, stdout: Buffer.concat(stdout), output });
    });
  });
}
