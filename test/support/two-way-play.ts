// One case of two-way sync a key, and many of them in one run: both sides as they are before, what happens to each, and what
// `kvsync sync` makes of it, over real files and real HTTP.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseKey } from "../../src/core/key.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { unstampMetadata } from "../../src/core/stamp.ts";
import { openJournal } from "../../src/journal/journal.ts";
import { openTrashIndex } from "../../src/journal/trash-index.ts";
import type { NamespaceId } from "../../src/kv/kv-api.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import { bodyOfText } from "../../src/kv/sized-body.ts";
import type { ConflictPolicy } from "../../src/core/reconcile-two-way.ts";
import { type CliRun, records, runCli } from "./cli.ts";
import { startTestServer, type TestServer } from "./server.ts";

/** A value, alone or with what else it has. */
export type Held =
  | string
  | { readonly value: string; readonly metadata?: object | undefined; readonly expiration?: number | undefined };

/** What a side is changed to; null: removed; absent: left as it is. */
export interface Sides {
  readonly file?: Held | null;
  readonly there?: Held | null;
}

export interface Case {
  readonly key: string;
  /** Before the first sync. */
  readonly before?: Sides;
  /** What happens after it. */
  readonly after?: Sides;
}

interface Summary extends Readonly<Record<string, unknown>> {
  readonly written: number;
  readonly removed: number;
  readonly conflicts: number;
  readonly requests: Readonly<Record<string, number>>;
}

export interface Synced {
  readonly run: CliRun;
  readonly summary: Summary;
}

export class TwoWayPlay {
  #dir = "";
  #server: TestServer | undefined;
  #api: KvClient | undefined;
  #namespace: NamespaceId | undefined;

  get dir(): string {
    return this.#dir;
  }

  get #folder(): string {
    return join(this.#dir, "kv", "app");
  }

  get #stateDir(): string {
    return join(this.#dir, "state");
  }

  async open(conflict: ConflictPolicy): Promise<void> {
    this.#dir = mkdtempSync(join(tmpdir(), "kvsync-play-"));
    this.#server = await startTestServer();
    const { url, accountId, token } = this.#server;
    this.#namespace = (await this.#server.createNamespace("app")) as NamespaceId;
    const credentials = { kind: "token", token } as const;
    this.#api = openKvClient({
      clock: systemClock,
      baseUrl: url,
      accountId,
      credentials,
      budget: { requests: Number.POSITIVE_INFINITY },
    });
    mkdirSync(this.#folder, { recursive: true });
    const config = `
state_dir: ./state
accounts: { net: { endpoint: "${url}", account_id: ${accountId}, api_token: ${token} } }
root: ./kv
mappings: { app: { account: net, mode: two-way, conflict: ${conflict}, settle_window: 0s } }
`;
    writeFileSync(join(this.dir, "kvsync.yaml"), config);
  }

  async close(): Promise<void> {
    await this.#api?.close();
    await this.#server?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async apply(key: string, { file, there }: Sides): Promise<void> {
    if (file === null) this.#removeFile(key);
    else if (file !== undefined) this.#writeFile(key, file);
    if (there === null) await this.#api!.deleteValue(this.#namespace!, parseKey(key)!);
    else if (there !== undefined) await this.#put(key, there);
  }

  async sync(): Promise<Synced> {
    const run = await runCli(["sync", "--json"], { cwd: this.dir });
    return { run, summary: records(run.stdout).at(-1) as Summary };
  }

  loseState(): void {
    rmSync(this.#stateDir, { recursive: true });
  }

  /** Undefined: there is no such file. */
  file(key: string): Held | undefined {
    const path = this.#pathOf(key);
    return path === undefined ? undefined : heldOf(readFileSync(path, "utf8"), sidecarOf(path.replace(/%value$/, "")));
  }

  async there(key: string): Promise<Held | undefined> {
    const found = (await this.#api!.bulkGet(this.#namespace!, [parseKey(key)!])).get(key) ?? undefined;
    if (found === undefined) return undefined;
    const { metadata } = unstampMetadata(found.metadata);
    const own = metadata === undefined ? undefined : (JSON.parse(metadata) as object);
    return heldOf(Buffer.from(found.bytes ?? "").toString(), { metadata: own, expiration: found.expiration });
  }

  /** The files below a folder, by their paths in it. */
  paths(folder: string): readonly string[] {
    const root = join(this.#folder, folder);
    const found = readdirSync(root, { recursive: true, encoding: "utf8" });
    return found.filter((path) => !isFolder(join(root, path))).sort();
  }

  /** The conflict copies beside a key's file. */
  copies(key: string): readonly Held[] {
    const path = join(this.#folder, key);
    const copy = new RegExp(`^${basename(key)}%conflict-[^%]*$`);
    if (!existsSync(dirname(path))) return [];
    return readdirSync(dirname(path))
      .filter((name) => copy.test(name))
      .map((name) => join(dirname(path), name))
      .map((found) => heldOf(readFileSync(found, "utf8"), sidecarOf(found)));
  }

  /** What the trash kept of a key, the oldest first. */
  trash(key: string): readonly Held[] {
    const journal = openJournal({ stateDir: this.#stateDir, clock: systemClock });
    try {
      const index = openTrashIndex(journal, this.#stateDir);
      return index.list({ key, limit: 100 }).map((item) => {
        const metadata = item.metadata === undefined ? undefined : (JSON.parse(item.metadata) as object);
        return heldOf(Buffer.from(index.read(item)).toString(), { metadata, expiration: item.expiration });
      });
    } finally {
      journal.close();
    }
  }

  #pathOf(key: string): string | undefined {
    const path = join(this.#folder, key);
    if (existsSync(`${path}%value`)) return `${path}%value`;
    return existsSync(path) && !isFolder(path) ? path : undefined;
  }

  #writeFile(key: string, held: Held): void {
    const path = join(this.#folder, key);
    const { value, metadata, expiration } = typeof held === "string" ? { value: held } : held;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, value);
    if (metadata === undefined && expiration === undefined) rmSync(`${path}%meta`, { force: true });
    else writeFileSync(`${path}%meta`, JSON.stringify({ metadata, expiration }));
  }

  #removeFile(key: string): void {
    const path = this.#pathOf(key);
    if (path === undefined) throw new Error(`there is no file of ${key}`);
    rmSync(path);
    rmSync(`${path}%meta`, { force: true });
    // As a person does who moves things about: a folder without files goes, too.
    for (let folder = dirname(path); readdirSync(folder).length === 0; folder = dirname(folder)) rmdirSync(folder);
  }

  async #put(key: string, held: Held): Promise<void> {
    const { value, metadata, expiration } = typeof held === "string" ? { value: held } : held;
    const attributes = {
      metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
      expiration: expiration as never,
    };
    await this.#api!.writeValue(this.#namespace!, parseKey(key)!, bodyOfText(value), attributes);
  }
}

function heldOf(value: string, { metadata, expiration }: Exclude<Partial<Exclude<Held, string>>, undefined>): Held {
  if (metadata === undefined && expiration === undefined) return value;
  return { value, ...(metadata !== undefined && { metadata }), ...(expiration !== undefined && { expiration }) };
}

function sidecarOf(path: string): Partial<Exclude<Held, string>> {
  return existsSync(`${path}%meta`) ? (JSON.parse(readFileSync(`${path}%meta`, "utf8")) as object) : {};
}

function isFolder(path: string): boolean {
  return existsSync(`${path}/.`);
}

function basename(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
