// Backups, copies, forgets, prunes and repairs as processes, several at once, which are killed with SIGKILL at random moments; hours pass in
// between. After each round every snapshot that somebody was told is complete is there, restores byte for byte, and every byte of the
// repositories is as it was written. In the end only what is needed takes room. Real processes, real time, but for the age of what is stored.

import {
  type BackupCommand,
  backupOf,
  type EndedCommand,
  forgetIn,
  pickCommands,
  pruneOf,
  refusalOf,
  repairOf,
  TITLES,
} from "./backup-commands.ts";
import { type KillMoments, openKillMoments } from "./kill-moments.ts";
import {
  endedOf,
  isThere,
  type KilledBackupsOptions,
  type KilledBackupsReport,
  type KilledWorld,
  openKilledWorld,
  startIn,
  takeReports,
} from "./killed-world.ts";
import { account, look, makeRoom } from "./look-at-backups.ts";

const HOUR_MS = 3_600_000;
/** While processes are at work. No process lives longer than a round, and the clock of the stores does not tell it of that time: so marks may seem
 * 8 hours older to a prune than they are, and a writer may be 8 hours slower than it knows, which still leaves it 8. */
const ROUND_AGE_MS_MAX = 8 * HOUR_MS;
const REST_AGE_MS_MAX = 20 * HOUR_MS;
/** Requests of a killed process may still be on their way, and listings lag. */
const ECHO_MS = 100;
const ALL_LOOKED_AT_EVERY = 20;
const KILLED_SHARE = 0.7;
const APART_MS_MAX = 300;

export async function liveKilledBackups(options: KilledBackupsOptions): Promise<KilledBackupsReport> {
  const world = await openKilledWorld(options);
  try {
    await live(world);
  } catch (error) {
    world.report.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await world.close();
  return world.report;
}

async function live(world: KilledWorld): Promise<void> {
  const { options, report, stores, chance, kv } = world;
  const moments = openKillMoments(chance);
  stores.onChange(() => moments.onChange());
  await warmUp(world, moments);
  let [killed, sinceAll] = [0, 0];
  while (killed < options.kills && report.failures.length === 0) {
    stores.setFaulty(true);
    const now = await round(world, moments, options.kills - killed);
    killed += now;
    sinceAll += now;
    stores.setFaulty(false);
    const isAll = sinceAll >= ALL_LOOKED_AT_EVERY || killed >= options.kills;
    if (isAll) sinceAll = 0;
    await look(world, isAll);
    options.tell(
      `${killed} kills, ${report.read} read, ${report.restores} restores, ${report.failures.length} failures`,
    );
    for (const title of TITLES) if (chance() < 0.6) await kv.change(title, 0.1);
  }
  if (report.failures.length === 0) await makeRoom(world);
}

/** Each command once, alone and to its end: how long it takes. */
async function warmUp(world: KilledWorld, moments: KillMoments): Promise<void> {
  const commands = [...TITLES.map((title) => backupOf(title)), backupOf(...TITLES), repairOf("main"), pruneOf("main")];
  for (const command of [...commands, forgetIn("main", 2)]) await runToItsEnd(world, command, moments);
  await account(world, "main", 2);
  await look(world, true);
}

async function runToItsEnd(world: KilledWorld, command: BackupCommand, moments: KillMoments): Promise<void> {
  const startedAt = Date.now();
  const ended = await endedOf(startIn(world, command.args));
  moments.noteUsual(command, Date.now() - startedAt);
  takeEnd(world, command, ended);
}

/** Returns how many were killed. */
async function round(world: KilledWorld, moments: KillMoments, killsMax: number): Promise<number> {
  const { chance, stores, report } = world;
  const commands = pickCommands(chance, isThere(world, "copy"));
  const condemned = new Set(commands.filter(() => chance() < KILLED_SHARE));
  if (condemned.size === 0) condemned.add(commands[Math.floor(chance() * commands.length)]!);
  for (const command of [...condemned].slice(killsMax)) condemned.delete(command);
  const isPassing = chance() < 0.4;
  const killed = await Promise.all([
    ...commands.map((command) => runKilled(world, command, { moments, isCondemned: condemned.has(command) })),
    isPassing ? passTime(world) : false,
  ]);
  await pause(ECHO_MS);
  const restMs = HOUR_MS / 60 + chance() * REST_AGE_MS_MAX;
  stores.age(restMs, { isAtRest: true });
  report.hoursPassed += Math.round(restMs / HOUR_MS);
  for (const name of ["main", "copy"]) {
    const counts = commands.flatMap(({ repository, keepLast }) =>
      repository === name && keepLast !== undefined ? [keepLast] : [],
    );
    await account(world, name, counts.length === 0 ? undefined : Math.min(...counts));
  }
  return killed.filter(Boolean).length;
}

/** Lets hours pass while processes are at work. */
async function passTime({ chance, stores, report }: KilledWorld): Promise<false> {
  await pause(500 + chance() * 1500);
  const ms = chance() * ROUND_AGE_MS_MAX;
  stores.age(ms, { isAtRest: false });
  report.hoursPassed += Math.round(ms / HOUR_MS);
  return false;
}

interface Fate {
  readonly moments: KillMoments;
  readonly isCondemned: boolean;
}

/** Whether it was killed. */
async function runKilled(world: KilledWorld, command: BackupCommand, { moments, isCondemned }: Fate): Promise<boolean> {
  const { chance, report } = world;
  await pause(chance() * APART_MS_MAX);
  const startedAt = Date.now();
  const child = startIn(world, command.args);
  const signal = isCondemned ? moments.condemn({ command, child }) : undefined;
  const ended = await endedOf(child);
  const ms = Date.now() - startedAt;
  if (signal === "SIGKILL" && ended.signal === "SIGKILL") {
    count(report.kills, command.kind);
    report.moments[Math.min(10, Math.floor(moments.shareOf(command, ms) * 10))]!++;
    takeReports(world, command, ended);
    return true;
  }
  // It may have ended before.
  if (signal === "SIGINT" && (ended.code === 130 || ended.signal === "SIGINT")) {
    report.stopped++;
    takeReports(world, command, ended);
    return false;
  }
  moments.noteUsual(command, ms);
  takeEnd(world, command, ended);
  return false;
}

/** Of a process that ended by itself. */
function takeEnd(world: KilledWorld, command: BackupCommand, ended: EndedCommand): void {
  const { report, options } = world;
  takeReports(world, command, ended);
  if (ended.code === 0) return count(report.toTheirEnd, command.kind);
  const refusal = refusalOf(ended, options.store === "s3");
  if (refusal !== undefined) count(report.refusals, `${command.kind}: ${refusal}`);
  else
    report.failures.push(
      `${command.args.join(" ")} ended with ${ended.code ?? ended.signal}: ${ended.text.slice(-2000)}`,
    );
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
