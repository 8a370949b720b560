// Two servers over one database, and clients that use both, while one server is killed with SIGKILL and the database crashes, again and
// again. Each answer is judged as it comes; in the end both servers are asked for everything.

import { setTimeout as pause } from "node:timers/promises";
import { seededChance } from "../../src/server/chance.ts";
import { balanced, noCounts, type RequestCounts, resultOf } from "./balanced-requests.ts";
import { ECHO_MS } from "./possible-versions.ts";
import { type Judged, openTeamClient, teamKeys } from "./team-client.ts";
import { openTeamServers, type StartServe } from "./team-servers.ts";

export interface KilledServersOptions {
  readonly seed: number;
  readonly kills: number;
  readonly crashes: number;
  readonly clients: number;
  /** How long a server that was started is let live, at most. */
  readonly liveMsMax: number;
  /** What is waited for before everything is looked at, if an answer was lost: see {@link ECHO_MS}. */
  readonly echoMs?: number;
  readonly startServe: StartServe;
  readonly tell: (line: string) => void;
}

export interface KilledServersReport {
  readonly requests: RequestCounts;
  /** What clients have done, by what it was. */
  readonly acknowledged: Readonly<Record<string, number>>;
  /** From its start until a killed server answered. */
  readonly backMs: readonly number[];
  /** From when the database was there again until each server answered. */
  readonly afterCrashMs: readonly (readonly number[])[];
  /** Requests without an answer that were carried out after the next one to the same key was acknowledged. */
  readonly echoes: number;
  /** What must not be: empty. */
  readonly wrong: readonly string[];
}

const CRASH_MS_MAX = 1500;
/** What nobody can reach. */
const LOST_PARTS = `SELECT count(DISTINCT value) FROM kv_part p
  WHERE NOT EXISTS (SELECT FROM kv_entry WHERE long = p.value) AND NOT EXISTS (SELECT FROM kv_doomed d WHERE d.value = p.value)`;
const MISSING_PARTS = `SELECT count(*) FROM kv_entry e WHERE long IS NOT NULL
  AND length IS DISTINCT FROM (SELECT sum(octet_length(bytes)) FROM kv_part p WHERE p.value = e.long)`;

export async function liveKilledServers(options: KilledServersOptions): Promise<KilledServersReport> {
  const { seed, kills, crashes, clients, liveMsMax, echoMs = ECHO_MS, startServe, tell } = options;
  const chance = seededChance(seed);
  const world = await openTeamServers(startServe);
  const [steady, killed] = world.servers;
  const counts = noCounts();
  const judged: Judged = { wrong: [], acknowledged: {} };
  const urls = world.servers.map(({ url }) => url);
  try {
    const made = await balanced(
      urls,
      chance,
      counts,
    )({
      method: "POST",
      path: "",
      body: JSON.stringify({ title: "team" }),
    });
    const keys = teamKeys((resultOf(made) as { readonly id: string }).id, clients);
    const clientOf = (client: number, servers: readonly string[]) => {
      const own = seededChance(seed * 100 + client);
      return openTeamClient({ client, send: balanced(servers, own, counts), chance: own, keys, judged });
    };
    const over = new AbortController();
    const working = Array.from({ length: clients }, async (_, i) => {
      const client = clientOf(i, urls);
      while (!over.signal.aborted && judged.wrong.length < 20) await client.act();
    });

    const backMs: number[] = [];
    const afterCrashMs: (readonly number[])[] = [];
    async function killServers(): Promise<void> {
      for (let kill = 1; kill <= kills; kill++) {
        await pause(chance() * liveMsMax);
        await killed.kill();
        await pause(chance() * 300);
        backMs.push(await killed.start());
        tell(`kill ${kill}: back after ${Math.round(backMs.at(-1)!)} ms`);
      }
    }
    async function crashDatabase(): Promise<void> {
      for (let crash = 1; crash <= crashes; crash++) {
        // Spread over the kills, and in no step with them.
        while (backMs.length < (kills * (crash - 0.5)) / crashes) await pause(20);
        await pause(chance() * liveMsMax);
        afterCrashMs.push(await world.crashDatabase(chance() * CRASH_MS_MAX));
        tell(`crash ${crash}: answers after ${afterCrashMs.at(-1)!.map(Math.round).join(" and ")} ms`);
      }
    }
    try {
      await Promise.race([Promise.all([killServers(), crashDatabase()]), Promise.all(working)]);
    } finally {
      over.abort();
    }
    await Promise.all(working);
    if (counts.lost > 0) await pause(echoMs);
    for (const server of [steady, killed]) await clientOf(clients, [server.url]).checkAll();
    const [[lost], [missing]] = [await world.ask(LOST_PARTS), await world.ask(MISSING_PARTS)];
    if (Number(lost) > 0)
      judged.wrong.push(`${String(lost)} long values are in the database that no key has, and nobody removes`);
    if (Number(missing) > 0) judged.wrong.push(`${String(missing)} long values are not whole in the database`);
    const echoes = [...keys.singles, ...keys.groups].reduce((sum, { versions }) => sum + versions.echoes, 0);
    const { acknowledged } = judged;
    return { requests: counts, acknowledged, backMs, afterCrashMs, echoes, wrong: [...judged.wrong, ...world.ended] };
  } finally {
    await world.close();
  }
}
