// One daemon over many mappings, each of which a test may let an accident happen to, while a bystander goes on: a real
// `kvsync run` on real folders, and real servers that are asked over HTTP.

import { type ChildProcess, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mode } from "../../src/config/config.ts";
import { type Key, parseKey } from "../../src/core/key.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { openControlClient } from "../../src/daemon/control/control-client.ts";
import type { MappingState, MappingStatus } from "../../src/mapping/status.ts";
import { resolveNamespace } from "../../src/kv/resolve-namespace.ts";
import type { NamespaceId } from "../../src/kv/kv-api.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import { bodyOfText } from "../../src/kv/sized-body.ts";
import { type CliRun, ended, mayRun, runCli, startCli } from "./cli.ts";
import { pause } from "./daemon-process.ts";
import { type ServeProcess, startServe } from "./serve-process.ts";

export type Texts = Readonly<Record<string, string>>;

export const TWENTY: Texts = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`k${String(i).padStart(2, "0")}`, `value ${i}`]),
);

const BYSTANDER = "bystander";
const NOBODY = 65_534;
const TOKEN = "valid";
const WAIT_MS = 90_000;

/** A mapping of the fixture, seen from both sides. */
export interface Site {
  readonly name: string;
  readonly mode: Mode;
  readonly folder: string;
  /** Where it can be put aside, on the same file system. */
  readonly aside: string;
  files(): Texts;
  write(files: Texts, folder?: string): void;
  keys(): Promise<Texts>;
  put(values: Texts): Promise<void>;
  remove(...keys: readonly string[]): Promise<void>;
  /** Removes all of its keys. */
  clear(): Promise<void>;
  dropNamespace(): Promise<void>;
  createNamespace(): Promise<void>;
  status(): Promise<MappingStatus>;
  /** Waits until `expectation` does not throw any more. */
  eventually(expectation: () => unknown): Promise<void>;
  /** Waits until the daemon says so of it. */
  until(...states: readonly MappingState[]): Promise<MappingStatus>;
}

export class AccidentFixture {
  readonly dir = mkdtempSync(join(tmpdir(), "kvsync-accident-"));
  /** Another user, as which the daemon runs where this one may read everything. */
  uid: number | undefined;
  #server: ServeProcess | undefined;
  #client: KvClient | undefined;
  #daemon: ChildProcess | undefined;
  #ended: Promise<CliRun> | undefined;
  #mappings = new Map<string, { readonly mode: Mode; readonly more: string }>();
  #reloading: Promise<unknown> = Promise.resolve();

  /** Starts servers and the daemon; `sites` are in step afterwards. */
  async start(sites: readonly (readonly [name: string, mode: Mode])[], prepare: (site: Site) => void): Promise<void> {
    chmodSync(this.dir, 0o755);
    if (process.getuid?.() === 0 && mayRun(NOBODY, this.dir)) this.uid = NOBODY;
    this.#server = await startServe(this.dir, TOKEN);
    const { url } = this.#server;
    const credentials = { kind: "token", token: TOKEN } as const;
    this.#client = openKvClient({
      clock: systemClock,
      baseUrl: url,
      accountId: "dev",
      credentials,
      budget: { requests: Infinity },
    });
    for (const [name, mode] of [...sites, [BYSTANDER, "two-way"] as const]) {
      this.#mappings.set(name, { mode, more: "" });
      const site = this.site(name);
      mkdirSync(site.folder, { recursive: true });
      prepare(site);
      await site.createNamespace();
      if (mode === "pull") await site.put(TWENTY);
      else site.write(TWENTY);
    }
    this.#writeConfig();
    this.#give(this.dir);
    this.#daemon = startCli(["run", "--json"], { cwd: this.dir, uid: this.uid });
    this.#ended = ended(this.#daemon);
    for (const name of this.#mappings.keys()) await this.site(name).until("in-step");
  }

  async close(): Promise<void> {
    this.#daemon?.kill();
    await this.#ended;
    await this.#client?.close();
    await this.#server?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** No folder can be kept from the daemon. */
  get readsAll(): boolean {
    return process.getuid?.() === 0 && this.uid === undefined;
  }

  get isRunning(): boolean {
    return this.#daemon?.exitCode === null;
  }

  /** The server refuses the daemon's token while `work` lasts. */
  async withoutToken(work: () => Promise<void>): Promise<void> {
    await this.#server?.accept("another");
    await work();
    await this.#server?.accept(TOKEN);
  }

  /** Gives a mapping `more` in the config, and has the daemon read it. */
  reconfigure(name: string, more: string): Promise<void> {
    const { mode } = this.#mappings.get(name)!;
    // One at a time: they share the file.
    const done = this.#reloading.then(async () => {
      this.#mappings.set(name, { mode, more });
      this.#writeConfig();
      const { code, stderr } = await this.run("reload");
      if (code !== 0) throw new Error(stderr);
    });
    this.#reloading = done.catch(() => {});
    return done;
  }

  run(...args: readonly string[]): Promise<CliRun> {
    return runCli(args, { cwd: this.dir });
  }

  /** An edit elsewhere is carried over as ever. */
  async expectBystander(edit: string): Promise<void> {
    const bystander = this.site(BYSTANDER);
    bystander.write({ [edit]: "goes on" });
    while ((await bystander.keys())[edit] === undefined) await pause(50);
  }

  site(name: string): Site {
    const { mode } = this.#mappings.get(name)!;
    const folder = join(this.dir, "kv", name);
    const api = this.#client!;
    const namespace = async (): Promise<NamespaceId> => (await resolveNamespace(api, name)).id;
    const list = async (): Promise<readonly Key[]> =>
      (await api.listKeys(await namespace(), {})).keys.flatMap((listed) => parseKey(listed.name) ?? []);
    const status = async (): Promise<MappingStatus> => {
      const client = await openControlClient(join(this.dir, "state"), { clock: systemClock });
      try {
        return (await client.call({ op: "status" })).mappings.find(({ mapping }) => mapping === name)!;
      } finally {
        client.close();
      }
    };
    return {
      name,
      mode,
      folder,
      aside: `${folder}-aside`,
      files: () =>
        Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")])),
      write: (files, into = folder) => {
        mkdirSync(into, { recursive: true });
        for (const [file, text] of Object.entries(files)) writeFileSync(join(into, file), text);
        this.#give(into);
      },
      keys: async () => {
        const found = await api.bulkGet(await namespace(), await list());
        return Object.fromEntries([...found].map(([key, value]) => [key, Buffer.from(value?.bytes ?? "").toString()]));
      },
      put: async (values) => {
        const pairs = Object.entries(values).map(([key, value]) => ({ key, value }));
        await api.bulkWrite(await namespace(), bodyOfText(JSON.stringify(pairs)));
      },
      remove: async (...keys) =>
        void (await api.bulkDelete(
          await namespace(),
          keys.flatMap((key) => parseKey(key) ?? []),
        )),
      clear: async () => void (await api.bulkDelete(await namespace(), await list())),
      dropNamespace: async () => api.deleteNamespace(await namespace()),
      createNamespace: async () => void (await api.createNamespace(name)),
      status,
      eventually: async (expectation) => {
        for (const end = Date.now() + WAIT_MS; ; await pause(50)) {
          try {
            await expectation();
            return;
          } catch (error) {
            if (Date.now() > end) throw error;
          }
        }
      },
      until: (...states) => this.#until(name, states, status),
    };
  }

  async #until(
    name: string,
    states: readonly MappingState[],
    ask: () => Promise<MappingStatus>,
  ): Promise<MappingStatus> {
    const end = Date.now() + WAIT_MS;
    let last: MappingStatus | undefined;
    while (Date.now() < end) {
      if (this.#daemon?.exitCode != null) throw new Error(`the daemon ended: ${(await this.#ended)?.stderr}`);
      // Before it listens there is nobody to ask.
      last = await ask().catch((error: unknown) => {
        if (last !== undefined) throw error;
        return undefined;
      });
      if (last !== undefined && states.includes(last.state)) return last;
      await pause(50);
    }
    throw new Error(`mapping ${name} did not become ${states.join(" or ")}: ${JSON.stringify(last)}`);
  }

  #writeConfig(): void {
    const lines = [...this.#mappings].map(([name, { mode, more }]) => `  ${name}: { mode: ${mode}${more} }`);
    const text = `
state_dir: ./state
accounts: { net: { endpoint: "${this.#server!.url}", account_id: dev, api_token: ${TOKEN} } }
root: ./kv
defaults: { account: net, create: true, poll_interval: 1s, rescan_interval: 1s, settle_window: 1s }
mappings:
${lines.join("\n")}
`;
    // At once: other tests run commands that read it.
    writeFileSync(join(this.dir, "kvsync.yaml.new"), text);
    renameSync(join(this.dir, "kvsync.yaml.new"), join(this.dir, "kvsync.yaml"));
  }

  /** The daemon's user owns what it works with. */
  #give(path: string): void {
    if (this.uid !== undefined) spawnSync("chown", ["-R", `${this.uid}:${this.uid}`, path]);
  }
}
