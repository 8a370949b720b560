// The peak memory of exports and imports: of a million small keys, and of values of the largest size. Each contender goes on from
// what the one before it left.

import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { type BenchCase, MAIN, UNLIMITED } from "./cases.ts";
import { benchRoot } from "./make-tree.ts";
import { type Command, type Contender, measure } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN, startServer } from "./server-process.ts";

const PEAK_BYTES_MAX = 256 * 1024 * 1024;
const LARGE_BYTES = 26_214_400;
const FORMATS = ["ndjson.zst", "json"] as const;
const names = FORMATS.flatMap((format) => [`export .${format}`, `import .${format}`]);
const targets = Object.fromEntries(names.map((name) => [name, { peakBytesMax: PEAK_BYTES_MAX }]));

/** `KEYS` and `VALUES` in the environment make it smaller. */
const KEYS = Number(process.env["KEYS"] ?? 1_000_000);
const VALUES = Number(process.env["VALUES"] ?? 100);

export const archiveCases: Readonly<Record<string, BenchCase>> = {
  "archives-small": {
    title: `${KEYS.toLocaleString("en")} small keys`,
    runs: 1,
    targets,
    with: (use) => withNamespace(use, fillSmall),
  },
  "archives-large": {
    title: `${VALUES} values of 25 MiB`,
    runs: 1,
    targets,
    with: (use) => withNamespace(use, fillLarge),
  },
};

async function withNamespace(
  use: (contenders: readonly Contender[]) => Promise<void>,
  fill: (run: (...args: string[]) => Command, folder: string) => Promise<void>,
): Promise<void> {
  const server = await startServer(MAIN);
  const folder = mkdtempSync(join(benchRoot(), "archives-"));
  const config = join(folder, "kvsync.yaml");
  const account = { endpoint: server.url, account_id: ACCOUNT_ID, api_token: API_TOKEN, budget: UNLIMITED };
  writeFileSync(config, JSON.stringify({ state_dir: join(folder, "state"), accounts: { bench: account } }));
  const run = (...args: string[]): Command => ({ command: MAIN, args: [...args, "-c", config], cwd: folder });
  await measure(run("namespace", "create", "bench:source"));
  await fill(run, folder);
  await use(
    FORMATS.flatMap((format) => [
      { name: `export .${format}`, prepare: async () => run("export", "bench:source", `./x.${format}`) },
      {
        name: `import .${format}`,
        async prepare() {
          await measure(run("namespace", "create", `bench:${format}`));
          return run("import", `./x.${format}`, `bench:${format}`);
        },
        // What was imported is what was exported.
        finish: async () => void (await measure(run("check", "bench:source", `bench:${format}`))),
      },
    ]),
  );
  await server.stop();
  server.discard();
  rmSync(folder, { recursive: true });
}

async function fillSmall(run: (...args: string[]) => Command, folder: string): Promise<void> {
  const out = createWriteStream(join(folder, "pairs.lines"));
  for (let i = 0; i < KEYS; i++) {
    const metadata = i % 3 === 0 ? { i } : undefined;
    const line = JSON.stringify({
      key: `user/${(i * 7919) % KEYS}/settings`,
      value: `value ${i} `.repeat(1 + (i % 20)),
      metadata,
    });
    if (!out.write(`${line}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  await measure(run("bulk", "put", "pairs.lines", "-n", "bench:source"));
  rmSync(join(folder, "pairs.lines"));
}

/** Half of them text. */
async function fillLarge(run: (...args: string[]) => Command, folder: string): Promise<void> {
  mkdirSync(join(folder, "values"));
  for (let i = 0; i < VALUES; i++) {
    const bytes = randomBytes(i % 2 === 0 ? LARGE_BYTES : (LARGE_BYTES * 3) / 4);
    writeFileSync(join(folder, "values", `v${i}`), i % 2 === 0 ? bytes : bytes.toString("base64"));
  }
  await measure(run("copy", "./values", "bench:source"));
  rmSync(join(folder, "values"), { recursive: true });
}
