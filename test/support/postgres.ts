// A PostgreSQL of the tests' own: Debian's programs over a scratch folder, on a socket in it and on no port. It is started and stopped
// by whoever asks for it, and ends when that process does.

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** A server that is there, as tests use it. */
export interface Databases {
  /** Of a database of it, as its owner. `schema`: in which tables are made and looked for. */
  url(options?: { readonly database?: string; readonly schema?: string }): string;
  /** The URL of a schema that nobody else has. */
  freshSchema(): Promise<string>;
  /** The URL of a database that nobody else has. `options`: of CREATE DATABASE. */
  freshDatabase(options?: string): Promise<string>;
  /** The rows of one statement, as arrays, asked in the database of `url`; `postgres` unless given. */
  ask(sql: string, url?: string): Promise<unknown[][]>;
}

export interface TestPostgres extends Databases {
  /** Where its socket is. */
  readonly folder: string;
  /** Stopped at once, as by a crash, and started again over the same data, once `meanwhile` is over. */
  restart(meanwhile?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** The folder of PostgreSQL's programs, of the newest there is; undefined: it is not installed. */
export function findPostgres(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(":"),
  ];
  return folders.find((folder) => folder !== "" && existsSync(join(folder, "initdb")));
}

/** It refuses to run as root: then it runs as the user `postgres`, whom its package makes. */
function userOfPostgres(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) =>
    Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout.trim() || Number.NaN);
  const [uid, gid] = [id("-u"), id("-g")];
  if (Number.isNaN(uid) || Number.isNaN(gid))
    throw new Error("PostgreSQL will not run as root, and there is no user postgres");
  return { uid, gid };
}

interface Settings {
  /** Whether what is committed survives a crash of the machine, and not of the server only. Tests do without. */
  readonly durable?: boolean;
  /** As in "max_connections=300". */
  readonly settings?: readonly string[];
  /** Made from their sources for this server alone, as in "de_DE". What it is run by knows others, or none. */
  readonly locales?: readonly string[];
}

const SETTINGS = ["listen_addresses=", "max_connections=200", "shared_buffers=128MB"];
const FORGETFUL = ["fsync=off", "full_page_writes=off"];

export async function startPostgres({
  durable = false,
  settings = [],
  locales = [],
}: Settings = {}): Promise<TestPostgres> {
  const bin = findPostgres();
  if (bin === undefined) throw new Error("PostgreSQL is not installed: apt install postgresql");
  const user = userOfPostgres();
  const folder = mkdtempSync(join(tmpdir(), "kvsync-pg-"));
  chmodSync(folder, 0o755);
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const made = spawnSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "kv", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
    { ...user, cwd: folder, encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const args = [
    "-D",
    data,
    "-k",
    folder,
    ...[...SETTINGS, ...(durable ? [] : FORGETFUL), ...settings].flatMap((setting) => ["-c", setting]),
  ];
  const databases = databasesIn(folder);
  await Promise.all(locales.map((locale) => makeLocale(locale, folder)));
  const env = locales.length === 0 ? process.env : { ...process.env, LOCPATH: folder };
  const run = () => runPostgres(join(bin, "postgres"), args, { ...user, env, cwd: folder }, databases.url());
  let server = await run();
  return {
    ...databases,
    folder,
    async restart(meanwhile) {
      await server.stop();
      try {
        await meanwhile?.();
      } finally {
        server = await run();
      }
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function makeLocale(locale: string, folder: string): Promise<void> {
  const child = spawn("localedef", ["-i", locale, "-f", "UTF-8", join(folder, `${locale}.UTF-8`)], { stdio: "ignore" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`localedef ${locale} failed: apt install locales`)),
    );
  });
}

/** Of this process, so that no two names are the same. */
let fresh = 0;

/** Those of the server whose socket is in `folder`. */
export function databasesIn(folder: string): Databases {
  const url = ({ database = "postgres", schema }: { database?: string; schema?: string } = {}) =>
    `postgres://kv@/${database}?host=${encodeURIComponent(folder)}${schema === undefined ? "" : `&options=-c%20search_path%3D${schema}`}`;

  async function ask(sql: string, at = url()): Promise<unknown[][]> {
    const client = new pg.Client({ connectionString: at });
    // A server that is stopped tells its clients so.
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
    } finally {
      await client.end();
    }
  }

  return {
    url,
    ask,
    async freshSchema() {
      const schema = `s${process.pid}_${++fresh}`;
      await ask(`CREATE SCHEMA ${schema}`);
      return url({ schema });
    },
    async freshDatabase(options = "") {
      const database = `d${process.pid}_${++fresh}`;
      await ask(`CREATE DATABASE ${database} ${options}`);
      return url({ database });
    },
  };
}

interface Running {
  stop(): Promise<void>;
}

const START_ATTEMPTS_MAX = 1000;

/** A shell between this process and the server ends the server when the pipe to this process breaks: however this one ends. */
const KEEPER = `"$@" </dev/null & server=$!; read -r _; kill -QUIT $server; wait $server`;

async function runPostgres(
  program: string,
  args: readonly string[],
  options: { readonly uid?: number; readonly gid?: number; readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  url: string,
): Promise<Running> {
  const keeper = spawn("sh", ["-c", KEEPER, "sh", program, ...args], { ...options, stdio: ["pipe", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => keeper.once("close", () => resolve()));
  let log = "";
  keeper.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-20_000);
  });
  for (let attempt = 1; ; attempt++) {
    try {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
      break;
    } catch (cause) {
      if (attempt === START_ATTEMPTS_MAX) throw new Error(`PostgreSQL does not start: ${log}`, { cause });
      await sleep(50);
    }
  }
  return {
    async stop() {
      keeper.stdin.end();
      await ended;
    },
  };
}
