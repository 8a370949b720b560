// From a write to its value in fifty folders: fifty real `kvsync run` that pull one namespace of a server over PostgreSQL, told by its change feed.
// Then the feed is cut, the server killed and stopped, and the log of changes forgotten, and each folder has to become what the namespace is.

import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { findPostgres, startPostgres } from "../test/support/postgres.ts";
import { type FeedProxy, openFeedProxy } from "./feed-proxy.ts";
import {
  contentOf,
  type FleetDaemon,
  type FleetServer,
  holds,
  openFleetDaemon,
  openFleetServer,
  processorMs,
  whenTrue,
} from "./fleet-processes.ts";
import { seededRandom } from "./make-tree.ts";
import { median } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN } from "./server-process.ts";

const DAEMONS = Number(process.env["DAEMONS"] ?? "50");
const KEYS = 1000;
const WRITES = Number(process.env["WRITES"] ?? "30");
const STARTED_AT_ONCE = 5;
const IN_ALL_MS_MAX = 1000;
/** Of everything after the feed was lost: twice what a daemon waits for at most. */
const RECOVERED_MS_MAX = 60_000;
const WAIT_MS_MAX = 600_000;
const TITLE = "fleet";

/** Prints two tables. Returns how many targets were missed. */
export async function benchFleet(): Promise<number> {
  if (findPostgres() === undefined) {
    process.stdout.write("\n**A fleet of daemons**: PostgreSQL is not installed\n");
    return 0;
  }
  const postgres = await startPostgres();
  const server = await openFleetServer(["--store", postgres.url()]);
  const proxy = await openFeedProxy(server.port);
  const daemons = Array.from({ length: DAEMONS }, () => openFleetDaemon(proxy.port, TITLE));
  try {
    const namespace = await openNamespace(server.port);
    await namespace.write(Array.from({ length: KEYS }, (_, i) => [`key-${i}`, `first value of ${i}`]));
    for (let at = 0; at < DAEMONS; at += STARTED_AT_ONCE) {
      const batch = daemons.slice(at, at + STARTED_AT_ONCE);
      for (const daemon of batch) daemon.start();
      await whenTrue(batch, ({ folder }) => holds(folder, namespace.values), WAIT_MS_MAX);
    }
    await following(server);
    const missed = await measureWrites({ daemons, server, namespace });
    return missed + (await measureRecoveries({ daemons, server, namespace, proxy, forget: () => forget(postgres) }));
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    proxy.close();
    await server.stop("SIGTERM");
    await postgres.stop();
  }
}

interface Fleet {
  readonly daemons: readonly FleetDaemon[];
  readonly server: FleetServer;
  readonly namespace: WrittenNamespace;
}

async function measureWrites({ daemons, server, namespace }: Fleet): Promise<number> {
  const random = seededRandom(8);
  const [inAll, inHalf]: [number[], number[]] = [[], []];
  const pids = [server.pid, ...daemons.map(({ pid }) => pid)];
  server.takeRequests();
  const usedBefore = pids.map(processorMs);
  const began = performance.now();
  for (let write = 0; write < WRITES; write++) {
    await pause(500 + random() * 1000);
    const [key, value] = [`key-${(write * 37) % KEYS}`, `write ${write}`];
    await namespace.write([[key, value]]);
    const took = await whenTrue(daemons, ({ folder }) => contentOf(join(folder, key)) === value, WAIT_MS_MAX);
    inAll.push(took.at(-1)!);
    inHalf.push(median(took));
  }
  await pause(1000);
  const seconds = (performance.now() - began) / 1000;
  const used = pids.map((pid, i) => processorMs(pid) - usedBefore[i]!);
  const requests = server.takeRequests();
  const perWrite = (requests["POST bulk/get"] ?? 0) + (requests["GET values"] ?? 0);
  const lists = requests["GET keys"] ?? 0;
  const [isInTime, isUnpolled] = [median(inAll) <= IN_ALL_MS_MAX, lists === 0];
  const ofDaemon = median(used.slice(1)) / WRITES;
  process.stdout.write(
    `\n**From a write to its value in ${DAEMONS} folders** (${WRITES} writes among ${KEYS} keys; load average ${loadavg()[0]!.toFixed(1)})\n\n` +
      "| | median | slowest | target |\n|---|---:|---:|---|\n" +
      `| in all folders | ${ms(median(inAll))} | ${ms(Math.max(...inAll))} | median <= ${ms(IN_ALL_MS_MAX)} ${verdict(isInTime)} |\n` +
      `| in half of them | ${ms(median(inHalf))} | ${ms(Math.max(...inHalf))} | |\n\n` +
      `${seconds.toFixed(0)} s, requests by operation: ${JSON.stringify(requests)}; reads a write and daemon: ${(perWrite / WRITES / DAEMONS).toFixed(2)}; ` +
      `no listing ${verdict(isUnpolled)}; processor time a write: ${ofDaemon.toFixed(0)} ms of a daemon, ${(used[0]! / WRITES).toFixed(0)} ms of the server\n`,
  );
  return [isInTime, isUnpolled].filter((is) => !is).length;
}

async function measureRecoveries({
  daemons,
  server,
  namespace,
  proxy,
  forget: forgetChanges,
}: Fleet & { readonly proxy: FeedProxy; readonly forget: () => Promise<unknown> }): Promise<number> {
  const lines: string[] = [];
  let missed = 0;
  let round = 0;
  /** The keys that were changed last: to look at these first takes little of the processors that the daemons need. */
  let changed: readonly string[] = [];

  const isDone = ({ folder }: FleetDaemon): boolean =>
    changed.every((key) => contentOf(join(folder, key)) === namespace.values.get(key)) &&
    holds(folder, namespace.values);

  /** Some keys are written, one is new, and one is removed. */
  async function changeSome(): Promise<void> {
    round++;
    const keys = Array.from({ length: 20 }, (_, i) => `key-${round * 40 + i}`);
    await namespace.write([...keys, `new-${round}`].map((key) => [key, `after ${round}`]));
    await namespace.remove(`key-${round * 40 + 30}`);
    changed = [`key-${round * 40 + 30}`, `new-${round}`, ...keys];
  }

  async function recovery(moment: string, until: () => Promise<void>): Promise<void> {
    server.takeRequests();
    await until();
    const took = await whenTrue(daemons, isDone, WAIT_MS_MAX);
    const requests = await following(server);
    const isInTime = took.at(-1)! <= RECOVERED_MS_MAX;
    if (!isInTime) missed++;
    lines.push(
      `| ${moment} | ${ms(median(took))} | ${ms(took.at(-1)!)} | ${requests["GET keys"] ?? 0} | ${verdict(isInTime)} |`,
    );
  }

  await recovery("the feeds were cut, and writes went on", async () => {
    proxy.cut();
    await changeSome();
    proxy.mend();
  });
  await recovery("nobody reached the server for 20 s", async () => {
    proxy.cut();
    await changeSome();
    await pause(20_000);
    proxy.mend();
  });
  await recovery("the server was killed and started again", async () => {
    await changeSome();
    await server.stop("SIGKILL");
    await server.start();
    await changeSome();
  });
  await recovery("the server was stopped and started again", async () => {
    await server.stop("SIGTERM");
    await server.start();
    await changeSome();
  });
  await recovery("the daemons were stopped and started again", async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await changeSome();
    for (const daemon of daemons) daemon.start();
  });
  await recovery("the log of changes was forgotten while the feeds were cut", async () => {
    proxy.cut();
    await changeSome();
    await forgetChanges();
    proxy.mend();
  });
  await recovery("the log of changes was forgotten while the daemons were away", async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await changeSome();
    await forgetChanges();
    for (const daemon of daemons) daemon.start();
  });
  process.stdout.write(
    `\n**Until ${DAEMONS} folders are what the namespace is** (load average ${loadavg()[0]!.toFixed(1)})\n\n` +
      `| after | half of them | all | listings | <= ${RECOVERED_MS_MAX / 1000} s |\n|---|---:|---:|---:|---|\n${lines.join("\n")}\n`,
  );
  return missed;
}

/** Cursors from before are too old: as when they had lain for a day. */
async function forget(postgres: { ask(sql: string): Promise<unknown> }): Promise<void> {
  await postgres.ask("UPDATE kv_namespace SET changes = changes + 1, forgotten = changes + 1");
  await postgres.ask("DELETE FROM kv_change");
}

/** Waits until no request has come for three seconds: every daemon follows the feed. Returns what has come until then. */
async function following(server: FleetServer): Promise<Record<string, number>> {
  const all: Record<string, number> = {};
  for (let quiet = 0; quiet < 3; quiet++) {
    await pause(1000);
    for (const [name, count] of Object.entries(server.takeRequests())) {
      all[name] = (all[name] ?? 0) + count;
      quiet = -1;
    }
  }
  return all;
}

interface WrittenNamespace {
  /** What it has. */
  readonly values: ReadonlyMap<string, string>;
  write(pairs: readonly (readonly [key: string, value: string])[]): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Made, and empty. It is written to without the proxy. */
async function openNamespace(port: number): Promise<WrittenNamespace> {
  const values = new Map<string, string>();
  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(
      `http://127.0.0.1:${port}/client/v4/accounts/${ACCOUNT_ID}/storage/kv/namespaces${path}`,
      {
        method,
        headers: { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      },
    );
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { readonly result: unknown }).result;
  };
  const { id } = (await send("POST", "", { title: TITLE })) as { readonly id: string };
  return {
    values,
    async write(pairs) {
      await send(
        "PUT",
        `/${id}/bulk`,
        pairs.map(([key, value]) => ({ key, value })),
      );
      for (const [key, value] of pairs) values.set(key, value);
    },
    async remove(key) {
      await send("DELETE", `/${id}/values/${key}`);
      values.delete(key);
    },
  };
}

function ms(value: number): string {
  return value < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

function verdict(isMet: boolean): string {
  return isMet ? "met" : "MISSED";
}
