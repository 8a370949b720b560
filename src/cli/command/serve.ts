// `kvsync serve`: the embedded Workers KV server, until it is told to stop: over a database, or over a snapshot, which is only read.

import { mkdirSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { isLoopback } from "../../core/loopback.ts";
import { hideSecret } from "../../core/redact.ts";
import { parseDuration, parseRate, type Parsed, renderDuration } from "../../core/units.ts";
import { CONNECTIONS_DEFAULT } from "../../server/access/connection-limit.ts";
import type { FaultPlan } from "../../server/faults.ts";
import { openServer, type ServerOptions } from "../../server/server.ts";
import type { Store } from "../../server/store/store.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ioError } from "../../config/read-file.ts";
import { many } from "../input/key-filter.ts";
import { findNamedSnapshot, parseSnapshotArgument } from "../backup/open-snapshot.ts";
import { shellWord } from "../../core/shell-word.ts";
import { tellChange } from "../serve/tell-change.ts";
import { openTokensOption } from "../serve/tokens-option.ts";
import { namespaceOf, openSnapshotStore } from "../serve/snapshot-store.ts";

interface Options {
  readonly port: string;
  readonly host: string;
  readonly data?: string;
  readonly store?: string;
  readonly snapshot?: string;
  readonly token?: string;
  readonly tokens?: string;
  readonly logChanges?: boolean;
  readonly trustProxy?: boolean;
  readonly maxConnections: string;
  readonly drain: string;
  readonly faults?: string;
  readonly rateLimit?: string;
  readonly settle?: string;
  readonly seed?: string;
  readonly testApi?: boolean;
  readonly import?: readonly string[];
  readonly importAccount: string;
}

const DEFAULT_PORT = 8787;
/** What people make up is shorter, and what is drawn by chance is not. */
const TOKEN_CHARS_MIN = 20;
/** Any would do. */
const DEFAULT_ACCOUNT = "dev";

export function define(command: Command, start: Start): void {
  command
    .option("--port <number>", "0 takes a free one", String(DEFAULT_PORT))
    .option("--host <address>", "where to listen; beyond this machine only with a token", "127.0.0.1")
    .option("--data <folder>", "keep the data there; else it is gone when the server stops")
    .addOption(
      new Option(
        "--store <url>",
        "keep the data in PostgreSQL, which several servers may share: postgres://USER:PASSWORD@HOST/DATABASE (also: KVSYNC_SERVE_STORE)",
      ).conflicts(["data", "snapshot"]),
    )
    .addOption(
      new Option(
        "--snapshot <snapshot>",
        "serve a snapshot of a backup, read-only: REPO@latest, REPO@2026-11-01T12:00 or REPO@ID",
      ).conflicts("data"),
    )
    .addOption(
      new Option(
        "--import <archive>",
        "begin with what kvsync export or wrangler wrote: ARCHIVE, TITLE=ARCHIVE, or a folder of them; what is there already stays; may be repeated",
      )
        .argParser(many)
        .conflicts("snapshot"),
    )
    .option("--import-account <id>", "the account id that --import is for", DEFAULT_ACCOUNT)
    .option("--token <token>", "the only token that is accepted; else any is (also: KVSYNC_SERVE_TOKEN)")
    .addOption(
      new Option(
        "--tokens <file>",
        "the tokens that are accepted, as hashes, and what each may do; read anew when it changes",
      ).conflicts("token"),
    )
    .option("--log-changes", "a line for each change: who, what, when; always with --tokens")
    .option("--trust-proxy", "the last hop of X-Forwarded-For tells who asks: behind a proxy that adds it")
    .option("--max-connections <number>", "more at once are refused (503)", String(CONNECTIONS_DEFAULT))
    .option("--drain <duration>", "when stopped, go on for this long while /health says 503", "0s")
    .option("--faults <file>", "what goes wrong, and when: a JSON file, or the JSON itself")
    .option(
      "--rate-limit <rate>",
      "requests allowed to a token, as in 1200/5m; more blocks it for the whole window; of several servers over one store each counts for itself",
    )
    .option("--settle <duration>", "writes take up to this long to show, as on Cloudflare")
    .option("--seed <number>", "repeat what chance did under this number")
    .option("--test-api", "let tests change the faults: PUT /client/v4/__test/faults")
    .action((options: Options) => start((context) => serve(context, options)));
}

async function serve(context: Context, options: Options): Promise<void> {
  if (options.snapshot !== undefined) return serveSnapshot(context, options, options.snapshot);
  const { store, what } = await openStore(context, options);
  try {
    await serveStore(context, options, { database: store, what, accountId: options.importAccount });
  } finally {
    await store.close();
  }
}

/** What is given beats the environment, which keeps a password out of the list of processes. */
async function openStore(
  { clock, cwd, env, output }: Context,
  { store: given, data }: Options,
): Promise<{ readonly store: Store; readonly what: string }> {
  const url = given ?? (data === undefined ? env["KVSYNC_SERVE_STORE"] || undefined : undefined);
  if (url !== undefined) {
    const { openDatabaseStore } = await import("../serve/database-store.ts");
    const { store, label } = await openDatabaseStore(url, {
      clock,
      log: (line) => output.detail(visible(line)),
      warn: (line) => output.warn(visible(line)),
    });
    return {
      store,
      what: `the data is in ${label}\nservers that share it count for themselves: connections, wrong tokens, --rate-limit and the limits of --faults`,
    };
  }
  const { openSqliteStore } = await import("../../server/store/sqlite/sqlite-store.ts");
  return data === undefined
    ? { store: await openSqliteStore(":memory:", clock), what: "the data is in memory: give --data FOLDER to keep it" }
    : { store: await openSqliteStore(databaseIn(resolve(cwd, data)), clock), what: `the data is in ${visible(data)}` };
}

async function serveSnapshot(context: Context, options: Options, name: string): Promise<void> {
  const { used, snapshot, label } = await findNamedSnapshot(context, parseSnapshotArgument(name));
  try {
    const { id, title } = namespaceOf(snapshot.source);
    await serveStore(context, options, {
      database: openSnapshotStore(snapshot, await used.reader()),
      what: `read-only: ${visible(label)}, as the namespace "${visible(title)}" (${id})`,
      accountId: snapshot.source.accountId ?? DEFAULT_ACCOUNT,
    });
  } finally {
    await used.close();
  }
}

interface Served {
  readonly database: ServerOptions["database"];
  /** For people. */
  readonly what: string;
  /** That a client may use. */
  readonly accountId: string;
}

async function serveStore(context: Context, options: Options, { database, what, accountId }: Served): Promise<void> {
  const { clock, cwd, env, output, signal } = context;
  const token = options.token ?? env["KVSYNC_SERVE_TOKEN"];
  if (token !== undefined && options.tokens !== undefined)
    throw new AppError("usage", "both --tokens and KVSYNC_SERVE_TOKEN tell which tokens are accepted", {
      hint: "unset KVSYNC_SERVE_TOKEN, or leave out --tokens",
    });
  const drainMs = valueOf(parseDuration(options.drain), "--drain");
  if (token !== undefined) {
    hideSecret(token);
    if (token.length < TOKEN_CHARS_MIN && !isLoopback(options.host))
      output.warn("the token is short, so that it can be guessed: make one with openssl rand -hex 32");
  }
  const table = options.tokens === undefined ? undefined : openTokensOption(context, options.tokens);
  const server = await openServer({
    clock,
    database,
    host: options.host,
    port: parsePort(options.port),
    ...(token === undefined ? {} : { token }),
    ...(table === undefined ? {} : { tokens: table.tokens }),
    trustProxy: options.trustProxy ?? false,
    maxConnections: parseMaxConnections(options.maxConnections),
    ...(table !== undefined || options.logChanges === true ? { onChange: (change) => tellChange(output, change) } : {}),
    warn: (message) => output.warn(visible(message)),
    faults: faultPlan(options, cwd),
    testApi: options.testApi ?? false,
    log: (line) => output.detail(visible(line)),
    ...(options.import === undefined ? {} : { prepare: (store: Store) => prepare(context, options, store) }),
  });
  table?.follow(signal, (tokens) => server.setTokens(tokens));
  output.event({ type: "listening", url: server.url });
  output.line(`listening on ${output.stdout.bold(server.url)}`);
  output.note(what);
  output.note(
    `try: CLOUDFLARE_API_BASE_URL=${urlForClients(server.url, options.host)} CLOUDFLARE_ACCOUNT_ID=${shellWord(accountId)} CLOUDFLARE_API_TOKEN=${token === undefined && table === undefined ? "any" : "..."} kvsync namespace list`,
  );
  await stopped(signal);
  if (drainMs > 0) {
    server.drain();
    output.note(`stopping in ${renderDuration(drainMs)}: /health says so, and requests are served as ever`);
    await clock.sleep(drainMs);
  }
  output.note("stopping: finishing the requests that have begun");
  await server.close();
  output.event({ type: "summary", command: "serve" });
}

async function prepare(context: Context, options: Options, store: Store): Promise<void> {
  const { importAccount: account, import: given = [] } = options;
  await (await import("../serve/import-archives.ts")).importArchives(context, { store, account, given });
}

function databaseIn(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw ioError(error, `could not create ${visible(folder)}`);
  }
  return join(folder, "kv.sqlite");
}

function faultPlan(options: Options, cwd: string): FaultPlan {
  const plan = options.faults === undefined ? {} : parseFaults(options.faults, cwd);
  const rate = options.rateLimit === undefined ? undefined : valueOf(parseRate(options.rateLimit), "--rate-limit");
  const settleMs = options.settle === undefined ? undefined : valueOf(parseDuration(options.settle), "--settle");
  return {
    ...plan,
    ...(options.seed === undefined ? {} : { seed: parseSeed(options.seed) }),
    ...(rate === undefined
      ? {}
      : { rateLimit: { requests: rate.requests, windowSeconds: Math.max(1, Math.round(rate.windowMs / 1000)) } }),
    ...(settleMs === undefined ? {} : { settle: { ...plan.settle, seconds: settleMs / 1000 } }),
  };
}

/** JSON, or the name of a file with it. What is in it is checked by the server. */
function parseFaults(text: string, cwd: string): FaultPlan {
  const isJson = text.trimStart().startsWith("{");
  let json = text;
  try {
    if (!isJson) json = readFileSync(resolve(cwd, text), "utf8");
  } catch (error) {
    throw ioError(error, `could not read the faults in ${visible(text)}`);
  }
  try {
    return JSON.parse(json) as FaultPlan;
  } catch (error) {
    throw new AppError(
      "usage",
      `--faults: ${isJson ? "what is given" : visible(text)} is not JSON: ${visible((error as Error).message)}`,
      { cause: error },
    );
  }
}

function valueOf<T>(parsed: Parsed<T>, option: string): T {
  if (parsed.kind === "fault") throw new AppError("usage", `${option}: ${parsed.message}`);
  return parsed.value;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port < 65_536) return port;
  throw new AppError("usage", `--port: "${visible(text)}" is no port`, {
    hint: "write a number from 0 (any free one) to 65535",
  });
}

function parseMaxConnections(text: string): number {
  const count = Number(text);
  if (/^\d{1,7}$/.test(text) && count > 0) return count;
  throw new AppError("usage", `--max-connections: "${visible(text)}" is no number of connections`, {
    hint: "write a whole number, at least 1",
  });
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw new AppError("usage", `--seed: "${visible(text)}" is no whole number`);
}

/** What to call a server that listens everywhere. */
function urlForClients(url: string, host: string): string {
  return host === "0.0.0.0" || host === "::" ? url.replace(isIPv6(host) ? `[${host}]` : host, "127.0.0.1") : url;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
