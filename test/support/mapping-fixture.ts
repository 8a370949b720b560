// One mapping between a real folder and a namespace of the embedded server, with a journal of its own: its rounds as the
// daemon runs them, and both sides as a test changes and sees them.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { MappingConfig } from "../../src/config/config.ts";
import { decodeHoldReason } from "../../src/mapping/hold-reason.ts";
import { openMappingRounds } from "../../src/mapping/mapping-rounds.ts";
import type { DaemonAccount, MappingRounds, RoundCall, RoundReport } from "../../src/mapping/round-port.ts";
import { type Journal, openJournal, openScratchJournal } from "../../src/journal/journal.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import type { NamespaceId } from "../../src/kv/kv-api.ts";
import { accountOf, mappingOf } from "./daemon.ts";
import { FakeClock } from "./fake-clock.ts";
import { startTestServer, type TestServer } from "./server.ts";

export class MappingFixture {
  readonly clock = new FakeClock({ now: Date.now() });
  readonly dir = mkdtempSync(join(tmpdir(), "kvsync-mapping-"));
  readonly folder = join(this.dir, "kv", "app");
  readonly stateDir = join(this.dir, "state");
  /** What the rounds see of the API, by the client as it is: set it before they are opened. */
  through: (api: KvClient) => KvClient = (api) => api;
  /** Whether the server says that it offers a change feed, and so does not lag. Not, unless a test is about that: it stands in for
   * Cloudflare. */
  offersChanges = false;
  /** Accounts that were renewed, so often. */
  renewed = 0;
  #server: TestServer | undefined;
  #client: KvClient | undefined;
  #journal: Journal | undefined;
  #scratch: Journal | undefined;
  readonly #opened: MappingRounds[] = [];

  async open(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    this.#server = await startTestServer({ clock: this.clock, token: "right", testApi: true });
    this.connect("right");
    this.#journal = openJournal({ stateDir: this.stateDir, clock: this.clock });
    this.#scratch = openScratchJournal();
  }

  /** A new client with this token, for the accounts that are opened from now on. */
  connect(token: string): void {
    const { url, accountId } = this.server;
    const budget = { requests: Number.POSITIVE_INFINITY };
    this.#client = openKvClient({
      clock: this.clock,
      baseUrl: url,
      accountId,
      credentials: { kind: "token", token },
      budget,
      retry: { attempts: 1 },
    });
  }

  async close(): Promise<void> {
    for (const rounds of this.#opened) await rounds.close();
    this.#journal?.close();
    this.#scratch?.close();
    await this.#client?.close();
    await this.#server?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get server(): TestServer {
    return this.#server!;
  }

  get api(): KvClient {
    return this.#client!;
  }

  get journal(): Journal {
    return this.#journal!;
  }

  rounds(mapping: Partial<MappingConfig> = {}): MappingRounds {
    const rounds = openMappingRounds({
      clock: this.clock,
      journal: this.journal,
      scratch: this.#scratch!,
      stateDir: this.stateDir,
      mapping: mappingOf({ folder: this.folder, settleWindowMs: 0, ...mapping }),
      accounts: {
        open: async () => this.#account(),
        renew: async () => {
          this.renewed++;
        },
      },
      spool: this.#opened.length + 1,
    });
    this.#opened.push(rounds);
    return rounds;
  }

  #last: DaemonAccount | undefined;
  #of: KvClient | undefined;

  /** The same object for the same client, as the daemon's accounts do. */
  #account(): DaemonAccount {
    if (this.#of !== this.api) {
      this.#of = this.api;
      this.#last = { name: "local", config: accountOf(), api: this.#withoutFeed(this.through(this.api)) };
    }
    return this.#last!;
  }

  #withoutFeed(api: KvClient): KvClient {
    return { ...api, offersChanges: () => this.offersChanges };
  }

  /** 20 files, in step. */
  async inStep(mapping: Partial<MappingConfig> = {}): Promise<MappingRounds> {
    this.writeMany(20);
    const rounds = this.rounds(mapping);
    await rounds.full(call);
    await this.later();
    return rounds;
  }

  /** So much later that no file counts as just changed, and no listing as lagging. */
  later(): Promise<void> {
    return this.clock.advance(120_000);
  }

  write(files: Readonly<Record<string, string>>, folder = this.folder): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
  }

  writeBytes(path: string, bytes: Uint8Array): void {
    writeFileSync(join(this.folder, path), bytes);
  }

  /** `count` files, k00 and on. */
  writeMany(count: number): void {
    this.write(Object.fromEntries(Array.from({ length: count }, (_, i) => [nameOf(i), `value ${i}`])));
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) rmSync(join(this.folder, path), { recursive: true });
  }

  files(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of readdirSync(this.folder, { recursive: true, encoding: "utf8" })) {
      const path = join(this.folder, name);
      if (statSync(path).isFile()) found[relative(this.folder, path)] = readFileSync(path, "utf8");
    }
    return found;
  }

  async namespaceId(title = "app"): Promise<NamespaceId> {
    for await (const page of this.api.listNamespaces()) {
      const found = page.find((namespace) => namespace.title === title);
      if (found !== undefined) return found.id;
    }
    throw new Error(`there is no namespace ${title}`);
  }

  async keys(): Promise<Record<string, string>> {
    const id = await this.namespaceId();
    const { keys } = await this.api.listKeys(id, {});
    const found: Record<string, string> = {};
    for (const { name } of keys) {
      const value = await this.api.readValue(id, name as never);
      found[name] = Buffer.from((await value?.bytes()) ?? "").toString();
    }
    return found;
  }

  async put(values: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    const id = await this.namespaceId();
    for (const [key, content] of Object.entries(values)) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      const body = { byteLength: bytes.byteLength, chunks: () => [bytes] };
      await this.api.writeValue(id, key as never, body, {});
    }
  }

  async delete(...keys: readonly string[]): Promise<void> {
    const id = await this.namespaceId();
    for (const key of keys) await this.api.deleteValue(id, key as never);
  }

  /** The requests that `work` takes. */
  async requests(work: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = this.api.counts();
    await work();
    const now = this.api.counts();
    const spent = Object.entries(now).map(
      ([name, times]) => [name, times - before[name as keyof typeof before]] as const,
    );
    return Object.fromEntries(spent.filter(([name, times]) => times > 0 && !name.startsWith("bytes")));
  }
}

export const nameOf = (index: number): string => `k${String(index).padStart(2, "0")}`;

export const call: RoundCall = { signal: new AbortController().signal };

export function counts({ result }: RoundReport): { written: number; removed: number; unchanged: number; held: number } {
  const { written, removed, unchanged, held } = result;
  return { written, removed, unchanged, held };
}

/** What holds the plan; undefined: it was not held. */
export function guardOf({ hold }: RoundReport): string | undefined {
  return hold === undefined ? undefined : decodeHoldReason(hold.reason).guard;
}
