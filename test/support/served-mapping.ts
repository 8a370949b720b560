// One mapping of a folder and a namespace of a server in a process of its own, which a test asks over HTTP what is visible at the
// remote, while a daemon or single commands carry the folder.

import { join } from "node:path";
import type { Key } from "../../src/core/key.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import type { NamespaceId } from "../../src/kv/kv-api.ts";
import { resolveNamespace } from "../../src/kv/resolve-namespace.ts";
import { records } from "./cli.ts";
import { DaemonFixture } from "./daemon-process.ts";
import { type ServeProcess, startServe } from "./serve-process.ts";

const TOKEN = "valid";

export class ServedMapping extends DaemonFixture {
  #server: ServeProcess | undefined;
  #client: KvClient | undefined;

  /** Starts the server; the mapping `app` is of `folder`, with `more` as in `, delete: all`. */
  async serve(folder: string, more = ""): Promise<void> {
    this.#server = await startServe(this.dir, TOKEN);
    const credentials = { kind: "token", token: TOKEN } as const;
    this.#client = openKvClient({
      clock: systemClock,
      baseUrl: this.#server.url,
      accountId: "dev",
      credentials,
      budget: { requests: Infinity },
    });
    await this.#client.createNamespace("app");
    this.configure(folder, more);
  }

  configure(folder: string, more: string): void {
    this.write(
      "kvsync.yaml",
      `state_dir: ./state
accounts: { net: { endpoint: "${this.#server!.url}", account_id: dev, api_token: ${TOKEN} } }
mappings:
  app: { account: net, mode: push, folder: ${JSON.stringify(join(this.dir, folder))}, settle_window: 1s, poll_interval: 1s${more} }
`,
    );
  }

  override async close(): Promise<void> {
    await this.#client?.close();
    await this.#server?.stop();
    await super.close();
  }

  /** What is visible at the remote now. */
  async values(): Promise<Readonly<Record<string, string>>> {
    const id = await this.namespace();
    const { keys } = await this.#client!.listKeys(id, {});
    const found: Record<string, string> = {};
    for (let at = 0; at < keys.length; at += 100) {
      const names = keys.slice(at, at + 100).map(({ name }) => name as Key);
      for (const [key, value] of await this.#client!.bulkGet(id, names))
        if (value !== null) found[key] = Buffer.from(value.bytes ?? "").toString();
    }
    return found;
  }

  async delete(...keys: readonly string[]): Promise<void> {
    await this.#client!.bulkDelete(await this.namespace(), keys as Key[]);
  }

  async namespace(): Promise<NamespaceId> {
    return (await resolveNamespace(this.#client!, "app")).id;
  }

  /** The lines of the mapping's history that tell of `event`, the oldest first. */
  async history(event: string): Promise<readonly Record<string, unknown>[]> {
    const { stdout } = await this.run("history", "app", "--limit", "100000", "--json");
    return records(stdout).filter((line) => line["event"] === event);
  }
}
