// Two `kvsync serve` processes over one PostgreSQL, that can be killed and started anew on the ports that they had, and a database that can
// be made to crash. How long a server takes to come back is measured by asking it.

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { startPostgres } from "../support/postgres.ts";
import { TOKEN } from "./balanced-requests.ts";

interface TeamServer {
  readonly url: string;
  readonly pid: number;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Returns after how many milliseconds it answered. */
  start(): Promise<number>;
}

export interface TeamServers {
  readonly servers: readonly [TeamServer, TeamServer];
  /** Processes that ended by themselves while the database was there, with what they said. */
  readonly ended: string[];
  /** The database crashes, and is away for so long. Returns after how many milliseconds each server answered again. */
  crashDatabase(downMs: number): Promise<readonly number[]>;
  ask(sql: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

export type StartServe = (args: readonly string[]) => ChildProcess;

/** It starts within a second; on a busy machine it takes longer. */
const START_MS_MAX = 120_000;
const ASK_EVERY_MS = 10;

export async function openTeamServers(startServe: StartServe): Promise<TeamServers> {
  const postgres = await startPostgres({ durable: true });
  const ended: string[] = [];
  /** Counts the times that it was away, so that who begins before and ends after knows of it. */
  let crashes = 0;
  let isDown = false;

  async function openServer(name: string): Promise<TeamServer> {
    let child: ChildProcess;
    let isWanted = false;
    let port = 0;

    function run(): Promise<number> {
      const crashesBefore = crashes;
      isWanted = true;
      child = startServe(["--port", String(port), "--store", postgres.url(), "--token", TOKEN, "--json"]);
      const mine = child;
      let said = "";
      child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
      return new Promise((resolve, reject) => {
        let out = "";
        child.stdout?.on("data", (chunk: Buffer) => {
          out += chunk.toString();
          const url = /"url":"([^"]+)"/.exec(out)?.[1];
          if (url !== undefined) resolve(Number(new URL(url).port));
        });
        child.once("error", reject);
        child.once("close", (code, signal) => {
          if (isWanted && mine === child && !isDown && crashes === crashesBefore)
            ended.push(`${name} ended by itself (${code ?? signal}): ${said}`);
          reject(new Error(`${name} ended before it listened (${code ?? signal}): ${said}`));
        });
      });
    }

    async function kill(): Promise<void> {
      isWanted = false;
      const closed = new Promise((resolve) => child.once("close", resolve));
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await closed;
    }

    async function start(): Promise<number> {
      const began = performance.now();
      for (;;) {
        try {
          port = await run();
          break;
        } catch (error) {
          // As what runs servers does: it is started again until the database is there.
          if (performance.now() - began > START_MS_MAX) throw error;
          await pause(50);
        }
      }
      await answers(`http://127.0.0.1:${port}/client/v4`);
      return performance.now() - began;
    }

    await start();
    return {
      url: `http://127.0.0.1:${port}/client/v4`,
      get pid() {
        return child.pid!;
      },
      kill,
      start,
    };
  }

  const servers = [await openServer("server A"), await openServer("server B")] as const;
  return {
    servers,
    ended,
    async crashDatabase(downMs) {
      isDown = true;
      crashes++;
      await postgres.restart(() => pause(downMs));
      isDown = false;
      const began = performance.now();
      return Promise.all(
        servers.map(async ({ url }) => {
          await answers(url);
          return performance.now() - began;
        }),
      );
    },
    ask: (sql) => postgres.ask(sql),
    async close() {
      for (const server of servers) await server.kill();
      await postgres.stop();
    },
  };
}

async function answers(url: string): Promise<void> {
  for (const end = performance.now() + START_MS_MAX; ; await pause(ASK_EVERY_MS)) {
    const response = await fetch(`${url}/accounts/team/storage/kv/namespaces`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    if (response?.status === 200) return;
    if (performance.now() > end) throw new Error(`${url} does not answer`);
  }
}

/** With nothing of this process's environment but where programs are. */
export function serveBy(main: string): StartServe {
  return (args) =>
    spawn(process.execPath, [main, "serve", ...args], {
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
}
