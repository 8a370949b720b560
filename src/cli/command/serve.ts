// `kvsync serve`: the embedded Workers KV server, until it is told to stop.

import { mkdirSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { parseDuration, parseRate, type Parsed } from "../../core/units.ts";
import type { FaultPlan } from "../../server/faults.ts";
import { openServer } from "../../server/server.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { ioError } from "../../config/read-file.ts";

interface Options {
  readonly port: string;
  readonly host: string;
  readonly data?: string;
  readonly token?: string;
  readonly faults?: string;
  readonly rateLimit?: string;
  readonly settle?: string;
  readonly seed?: string;
  readonly testApi?: boolean;
}

const DEFAULT_PORT = 8787;

export function define(command: Command, start: Start): void {
  command
    .option("--port <number>", "0 takes a free one", String(DEFAULT_PORT))
    .option("--host <address>", "where to listen; beyond this machine only with a token", "127.0.0.1")
    .option("--data <folder>", "keep the data there; else it is gone when the server stops")
    .option("--token <token>", "the only token that is accepted; else any is (also: KVSYNC_SERVE_TOKEN)")
    .option("--faults <file>", "what goes wrong, and when: a JSON file, or the JSON itself")
    .option("--rate-limit <rate>", "requests allowed to a token, as in 1200/5m; more blocks it for the whole window")
    .option("--settle <duration>", "writes take up to this long to show, as on Cloudflare")
    .option("--seed <number>", "repeat what chance did under this number")
    .option("--test-api", "let tests change the faults: PUT /client/v4/__test/faults")
    .action((options: Options) => start((context) => serve(context, options)));
}

async function serve({ clock, cwd, env, output, signal }: Context, options: Options): Promise<void> {
  const token = options.token ?? env["KVSYNC_SERVE_TOKEN"];
  const server = await openServer({
    clock,
    database: options.data === undefined ? ":memory:" : databaseIn(resolve(cwd, options.data)),
    host: options.host,
    port: parsePort(options.port),
    ...(token === undefined ? {} : { token }),
    faults: faultPlan(options, cwd),
    testApi: options.testApi ?? false,
    log: (line) => output.detail(visible(line)),
  });
  output.event({ type: "listening", url: server.url });
  output.line(`listening on ${output.stdout.bold(server.url)}`);
  output.note(
    options.data === undefined
      ? "the data is in memory: give --data FOLDER to keep it"
      : `the data is in ${visible(options.data)}`,
  );
  output.note(
    `try: CLOUDFLARE_API_BASE_URL=${urlForClients(server.url, options.host)} CLOUDFLARE_ACCOUNT_ID=dev CLOUDFLARE_API_TOKEN=${token === undefined ? "any" : "..."} kvsync namespace list`,
  );
  await stopped(signal);
  output.note("stopping: finishing the requests that have begun");
  await server.close();
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
