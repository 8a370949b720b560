// The people at both sides of a mapping, who write and delete at random, and collide now and then. None of them knows of
// kvsync: at the folder they save files as editors do, at the remote they use the API, and do not try again.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FarSide } from "./far-side.ts";
import type { Happening, Timeline } from "./timeline.ts";
import type { ValueLedger } from "./value-ledger.ts";

export interface Habits {
  /** The mean time between two changes at one side. */
  readonly editEveryMs: number;
  /** How often both sides change one key within a lag or so. */
  readonly collideShare: number;
}

export interface PeopleDeps {
  readonly habits: Habits;
  readonly chance: () => number;
  readonly timeline: Timeline;
  readonly ledger: ValueLedger;
  readonly far: FarSide;
  readonly folder: string;
  /** On the same file system, outside of the folder. */
  readonly scratch: string;
  /** `https://host/.../values/` */
  readonly valuesUrl: string;
  readonly trace: (what: string, about: Uint8Array | string) => void;
  /** The watcher's: a file has changed. */
  readonly onChange: (key: string) => void;
}

/** Keys that are changed at both sides; at the remote also some that are folders and files at once. */
const KEYS = Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? `d${i % 4}/k${i}` : `k${i}`));
const REMOTE_KEYS = [...KEYS, "both", "both/below", "a//b", "%25"];
const DELETE_SHARE = 0.15;
const BINARY_SHARE = 0.1;
const METADATA_SHARE = 0.5;
/** How often somebody who writes a value writes back with it the metadata that was read before, stamp and all. */
const KEPT_METADATA_SHARE = 0.3;
const COLLIDE_WITHIN_MS = 90_000;
/** What a watcher takes to tell of a change; and it never tells of some. */
const QUIET_MS = 150;
const MISSED_SHARE = 0.05;

export class People {
  readonly #deps: PeopleDeps;
  #isResting = false;

  constructor(deps: PeopleDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#again(() => this.#changeFile());
    this.#again(() => this.#changeKey());
  }

  rest(): void {
    this.#isResting = true;
  }

  #again(what: Happening): void {
    const { timeline, chance, habits } = this.#deps;
    timeline.plan(-Math.log(1 - chance()) * habits.editEveryMs, async () => {
      if (this.#isResting) return;
      await what();
      this.#again(what);
    });
  }

  #collide(what: Happening): void {
    const { timeline, chance, habits } = this.#deps;
    if (chance() >= habits.collideShare) return;
    timeline.plan(chance() * COLLIDE_WITHIN_MS, () => (this.#isResting ? undefined : what()));
  }

  #changeFile(given?: string): void {
    const { chance, timeline, ledger, folder, scratch, trace, onChange } = this.#deps;
    const key = given ?? this.#pick(KEYS);
    if (given === undefined) this.#collide(() => this.#changeKey(key));
    const path = join(folder, key);
    ledger.discharge(readIfThere(path));
    if (chance() < DELETE_SHARE) {
      trace("a person deletes the file", key);
      rmSync(path, { force: true });
    } else {
      const bytes = ledger.create("local", key, timeline.clock.monotonic(), this.#shape());
      trace("a person writes the file", bytes);
      const draft = join(scratch, "draft");
      writeFileSync(draft, bytes);
      const seconds = timeline.clock.now() / 1000;
      utimesSync(draft, seconds, seconds);
      mkdirSync(dirname(path), { recursive: true });
      renameSync(draft, path);
    }
    if (chance() >= MISSED_SHARE) timeline.plan(QUIET_MS, () => onChange(key));
  }

  async #changeKey(given?: string): Promise<void> {
    const { chance, timeline, ledger, far, trace } = this.#deps;
    const key = given ?? this.#pick(REMOTE_KEYS);
    if (given === undefined && KEYS.includes(key)) this.#collide(() => this.#changeFile(key));
    const before = far.value(key);
    if (chance() < DELETE_SHARE) {
      trace("a person deletes the key", key);
      await this.#call(key, { method: "DELETE" });
    } else {
      const bytes = ledger.create("remote", key, timeline.clock.monotonic(), this.#shape());
      trace("a person writes the key", bytes);
      const body = new FormData();
      body.set("value", new Blob([bytes]));
      const [name] = bytes.toString("latin1").split(" ");
      const kept = chance() < KEPT_METADATA_SHARE ? await readMetadata(this.#deps.valuesUrl, key) : undefined;
      if (kept !== undefined) body.set("metadata", kept);
      else if (chance() < METADATA_SHARE) body.set("metadata", JSON.stringify({ of: `${name} ` }));
      // Whether it was done or not, nobody was told that it was.
      if (!(await this.#call(key, { method: "PUT", body }))) ledger.discharge(bytes);
    }
    ledger.discharge(before);
    // What this change itself has replaced is no doing of kvsync's.
    far.destroyed();
  }

  #call(key: string, request: RequestInit): Promise<boolean> {
    return callOnce(`${this.#deps.valuesUrl}${encodeURIComponent(key)}`, request);
  }

  #shape(): { readonly binary: boolean; readonly bytes: number } {
    const { chance } = this.#deps;
    return { binary: chance() < BINARY_SHARE, bytes: Math.floor(chance() * 200) };
  }

  #pick(from: readonly string[]): string {
    return from[Math.floor(this.#deps.chance() * from.length)]!;
  }
}

/** As a person calls the API, who does not try again. Whether it was done. */
export async function callOnce(url: string, request: RequestInit): Promise<boolean> {
  try {
    const answer = await fetch(url, { ...request, headers: { authorization: "Bearer any" } });
    await answer.arrayBuffer();
    return answer.ok;
  } catch (error) {
    // The connection was reset: a fault of the plan.
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}

/** The metadata that a key shows, as JSON; undefined: none, or it could not be read. `valuesUrl`: `https://host/.../values/` */
export async function readMetadata(valuesUrl: string, key: string): Promise<string | undefined> {
  const url = `${valuesUrl.replace(/values\/$/, "metadata/")}${encodeURIComponent(key)}`;
  try {
    const answer = await fetch(url, { headers: { authorization: "Bearer any" } });
    const { result } = (await answer.json()) as { readonly result: unknown };
    return answer.ok && result !== null ? JSON.stringify(result) : undefined;
  } catch (error) {
    // The connection was reset, or the answer is none: a fault of the plan.
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

export function readIfThere(path: string): Uint8Array | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;
}
