// The daemon as a process that is killed with SIGKILL again and again, at random moments, while people change both sides
// and the server fails: after the last start both sides are in step, and every value that somebody was told is written is
// on a side, in a conflict copy or in the trash. Real processes, real time.

import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FaultPlan } from "../../src/server/faults.ts";
import { type FarSide, openFarSide } from "./far-side.ts";
import { callOnce, readIfThere, readMetadata } from "./people.ts";
import { chanceOf } from "./sim-clock.ts";
import { ValueLedger, type Verdict } from "./value-ledger.ts";

export interface KilledOptions {
  readonly seed: number;
  readonly kills: number;
  readonly faults: FaultPlan;
  /** Starts `kvsync` with these arguments in this folder. */
  readonly start: (args: readonly string[], cwd: string) => ChildProcess;
  readonly tell: (line: string) => void;
}

export interface KilledReport extends Verdict {
  readonly kills: number;
  /** Kills that came while the sides were not in step. */
  readonly midway: number;
  readonly apart: readonly string[];
  readonly conflictCopies: number;
  readonly trashed: number;
}

/** Of each ten requests about one. */
export const KILL_FAULTS: FaultPlan = {
  rules: [
    { kind: "server-error", probability: 0.02 },
    { kind: "server-error", probability: 0.02, applied: "half" },
    { kind: "reset-before", probability: 0.02 },
    { kind: "reset-after", probability: 0.03 },
    { kind: "unsuccessful-keys", probability: 0.05 },
    { kind: "empty-page", probability: 0.05 },
  ],
};

const KEYS = 60;
const ACCOUNT_ID = "killed";
/** While the daemon runs a person keeps away from what the other side has just changed, and from what is not in step yet:
 * between kvsync's last look at a key and its write nothing can protect a value, and here nothing is to be lost at all. */
const APART_MS = 3000;
const EDIT_EVERY_MS = 12;
/** How often somebody writes back, with a new value, the metadata that was read before, stamp and all. */
const KEPT_METADATA_SHARE = 0.1;
const ALIVE_MS_MAX = 1500;
const DEAD_MS_MAX = 300;
/** Requests of a killed process may still be on their way, and be carried out on a machine that is busy. */
const ECHO_MS = 500;
const IN_STEP_MS_MAX = 60_000;

export async function liveKilled(options: KilledOptions): Promise<KilledReport> {
  const dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kvsync-killed-"));
  const server = await startServer(dir, options);
  const far = openFarSide(
    join(
      dir,
      "data",
      readdirSync(join(dir, "data")).find((name) => name.endsWith(".sqlite"))!,
    ),
  );
  let report: KilledReport | undefined;
  try {
    report = await live(dir, server.url, far, options);
    return report;
  } finally {
    far.close();
    await ended(server.process, "SIGTERM");
    // The journal's history and the server's `destroyed` tell what became of a value.
    if (report?.lost.length === 0) rmSync(dir, { recursive: true, force: true });
    else options.tell(`kept for a look: ${dir}`);
  }
}

async function live(dir: string, url: string, far: FarSide, options: KilledOptions): Promise<KilledReport> {
  const chance = chanceOf(options.seed);
  const ledger = new ValueLedger();
  const folder = join(dir, "kv", "app");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(dir, "kvsync.yaml"), config(url));
  const people = openPeople({ chance, ledger, far, folder, scratch: dir, url });
  let midway = 0;
  for (let kill = 1; kill <= options.kills; kill++) {
    const daemon = options.start(["run", "--json"], dir);
    const out = outputOf(daemon);
    const isAlive = people.editUntil(pause(400 + chance() * ALIVE_MS_MAX), { mayCollide: false });
    await isAlive;
    if (daemon.exitCode !== null) throw new Error(`the daemon ended by itself with ${daemon.exitCode}: ${out()}`);
    await ended(daemon, "SIGKILL");
    if (apart(far.keys(), contents(folder)).length > 0) midway++;
    await pause(ECHO_MS);
    await people.editUntil(pause(chance() * DEAD_MS_MAX), { mayCollide: true });
    if (kill % 20 === 0) options.tell(`${kill} kills`);
  }
  const daemon = options.start(["run", "--json"], dir);
  const out = outputOf(daemon);
  await inStep(options, dir, out);
  await ended(daemon, "SIGTERM");
  for (const { bytes, by, at } of far.destroyed()) ledger.overwrite(bytes, by, at);
  const remote = far.keys();
  const local = contents(folder);
  const trash = contents(join(dir, "state", "trash"));
  const held = [...remote.values(), ...local.values(), ...trash.values()];
  return {
    ...ledger.judge(held, 0),
    kills: options.kills,
    midway,
    // What was written back with the stamp of another value is found by no listing, but by a scrub.
    apart: apart(remote, local).filter((key) => !far.misstamped().has(key)),
    conflictCopies: [...local.keys()].filter((path) => path.includes("%conflict-")).length,
    trashed: trash.size,
  };
}

/** Keys that differ between the sides. Conflict copies, and what a kill left of a file being written, are no keys. */
function apart(remote: ReadonlyMap<string, Uint8Array>, local: ReadonlyMap<string, Uint8Array>): readonly string[] {
  const files = [...local.keys()].filter((path) => !/%(conflict|tmp)-/.test(path));
  return [...new Set([...remote.keys(), ...files])].filter(
    (key) => Buffer.compare(remote.get(key) ?? EMPTY, local.get(key) ?? EMPTY) !== 0,
  );
}

const EMPTY = Buffer.alloc(0);

function config(url: string): string {
  return [
    "state_dir: ./state",
    `accounts: { dev: { endpoint: "${url}", account_id: ${ACCOUNT_ID}, api_token: any } }`,
    "root: ./kv",
    "mappings:",
    "  app: { account: dev, mode: two-way, create: true, poll_interval: 1s, settle_window: 1s, max_delete: 100%, max_overwrite: 100% }",
    "",
  ].join("\n");
}

interface PeopleDeps {
  readonly chance: () => number;
  readonly ledger: ValueLedger;
  readonly far: FarSide;
  readonly folder: string;
  readonly scratch: string;
  readonly url: string;
}

function openPeople({ chance, ledger, far, folder, scratch, url }: PeopleDeps) {
  /** When each side last changed each key. */
  const changed = { local: new Map<string, number>(), remote: new Map<string, number>() };
  let namespaceId: string | undefined;

  function changeFile(key: string): void {
    const path = join(folder, key);
    ledger.discharge(readIfThere(path));
    if (chance() < 0.2) return rmSync(path, { force: true });
    const bytes = ledger.create("local", key, Date.now(), {
      binary: chance() < 0.2,
      bytes: Math.floor(chance() * 2000),
    });
    const draft = join(scratch, "draft");
    writeFileSync(draft, bytes);
    mkdirSync(dirname(path), { recursive: true });
    renameSync(draft, path);
  }

  async function changeKey(key: string): Promise<void> {
    namespaceId ??= await findNamespace(url);
    if (namespaceId === undefined) return;
    const values = `${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces/${namespaceId}/values/`;
    const before = far.value(key);
    const isDeletion = chance() < 0.2;
    const bytes = isDeletion
      ? undefined
      : ledger.create("remote", key, Date.now(), { binary: chance() < 0.2, bytes: Math.floor(chance() * 2000) });
    const kept = bytes !== undefined && chance() < KEPT_METADATA_SHARE ? await readMetadata(values, key) : undefined;
    const isDone = await callOnce(`${values}${encodeURIComponent(key)}`, {
      method: isDeletion ? "DELETE" : "PUT",
      ...(bytes !== undefined && { body: kept === undefined ? bytes : formOf(bytes, kept) }),
    });
    if (!isDone) ledger.discharge(bytes);
    ledger.discharge(before);
  }

  async function editUntil(over: Promise<void>, { mayCollide }: { readonly mayCollide: boolean }): Promise<void> {
    const end = new AbortController();
    void over.then(() => end.abort());
    while (!end.signal.aborted) {
      const side = chance() < 0.5 ? "local" : "remote";
      const other = side === "local" ? "remote" : "local";
      const index = Math.floor(chance() * KEYS);
      const key = index % 4 === 0 ? `d${index % 3}/k${index}` : `k${index}`;
      if (!mayCollide && (!isInStep(key) || Date.now() - (changed[other].get(key) ?? 0) < APART_MS)) {
        await pause(1);
        continue;
      }
      if (side === "local") changeFile(key);
      else await changeKey(key);
      changed[side].set(key, Date.now());
      await pause(chance() * 2 * EDIT_EVERY_MS);
    }
  }

  /** Or it will be only when somebody changes it: no listing tells of a value with the stamp of another. */
  function isInStep(key: string): boolean {
    if (far.isMisstamped(key)) return true;
    return Buffer.compare(far.value(key) ?? EMPTY, readIfThere(join(folder, key)) ?? EMPTY) === 0;
  }

  return { editUntil };
}

function formOf(bytes: Buffer, metadata: string): FormData {
  const form = new FormData();
  form.set("value", new Blob([Uint8Array.from(bytes)]));
  form.set("metadata", metadata);
  return form;
}

async function findNamespace(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces`, {
      headers: { authorization: "Bearer any" },
    });
    const { result } = (await answer.json()) as { readonly result: readonly { readonly id: string }[] | null };
    return result?.[0]?.id;
  } catch {
    // A fault of the plan; the next change asks again.
    return undefined;
  }
}

async function startServer(
  dir: string,
  { start, faults }: KilledOptions,
): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const process = start(["serve", "--json", "--port", "0", "--data", join(dir, "data"), "--test-api"], dir);
  const out = outputOf(process);
  await until(
    () => out().includes('"listening"'),
    () => `the server does not listen: ${out()}`,
  );
  try {
    return { url: await setFaults(out(), faults), process };
  } catch (error) {
    await ended(process, "SIGKILL");
    throw error;
  }
}

/** Returns the server's URL, which is in the first line it says. */
async function setFaults(said: string, faults: FaultPlan): Promise<string> {
  const { url } = JSON.parse(said.split("\n")[0]!) as { readonly url: string };
  const headers = { authorization: "Bearer any" };
  const answer = await fetch(`${url}/__test/faults`, { method: "PUT", headers, body: JSON.stringify(faults) });
  if (!answer.ok) throw new Error(`the faults were not taken: ${await answer.text()}`);
  return url;
}

/** Waits as a deploy script does: until the daemon says that all is in step. */
async function inStep({ start }: KilledOptions, dir: string, out: () => string): Promise<void> {
  await until(
    () => out().includes('"ready"'),
    () => `the daemon does not start: ${out()}`,
  );
  const status = start(["status", "--wait"], dir);
  const said = outputOf(status);
  const code = await Promise.race([
    new Promise<number | null>((resolve) => status.once("close", resolve)),
    pause(IN_STEP_MS_MAX).then(() => "late" as const),
  ]);
  if (code !== 0) throw new Error(`it does not come to be in step (${code}): ${said()}\n${out()}`);
}

function outputOf(process: ChildProcess): () => string {
  let text = "";
  process.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  process.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function until(isTrue: () => boolean, otherwise: () => string): Promise<void> {
  const end = Date.now() + IN_STEP_MS_MAX;
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(otherwise());
    await pause(20);
  }
}

function ended(process: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (process.exitCode !== null || process.signalCode !== null) return resolve();
    process.once("close", () => resolve());
    process.kill(signal);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function contents(folder: string): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (!existsSync(folder)) return found;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const bytes = readIfThere(join(folder, name));
    if (bytes !== undefined) found.set(name, bytes);
  }
  return found;
}
