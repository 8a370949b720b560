// Ten backups of a namespace of which 1 % changes before each but the first, and one of which nothing has changed, side by side
// with restic on the same values as files: requests, time, memory, space. Then every byte is checked, and two snapshots restored.

import { createHash } from "node:crypto";
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { constants, createZstdCompress } from "node:zlib";
import { type BenchValue, benchValue, isChanged } from "./backup-values.ts";
import { MAIN, onPath, UNLIMITED } from "./cases.ts";
import { benchRoot } from "./make-tree.ts";
import { type Command, measure, type Sample } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN, startServer } from "./server-process.ts";

/** `KEYS` in the environment makes it smaller. */
const KEYS = Number(process.env["KEYS"] ?? 100_000);
const BACKUPS = 10;
const KEYS_A_LISTING = 1000;
const TEXTS_A_REQUEST = 100;
const SPACE_MAX = 1.15;
const PASSWORD = "bench";

interface Bench {
  readonly folder: string;
  readonly tree: string;
  readonly run: (...args: string[]) => Command;
  readonly restic: ((...args: string[]) => Command) | undefined;
}

/** How many keys a round gave a text, or a binary, that no round before it had. */
interface Round {
  readonly newTexts: number;
  readonly newBinaries: number;
}

interface Summary {
  readonly snapshot: string;
  readonly bytesStored: number;
  readonly requests: {
    readonly list: number;
    readonly bulkGet?: number;
    readonly read?: number;
    readonly total: number;
  };
}

/** Returns how many targets were missed. */
export async function benchBackups(): Promise<number> {
  const server = await startServer(MAIN);
  const folder = mkdtempSync(join(benchRoot(), "backups-"));
  const config = join(folder, "kvsync.yaml");
  const account = { endpoint: server.url, account_id: ACCOUNT_ID, api_token: API_TOKEN, budget: UNLIMITED };
  writeFileSync(config, JSON.stringify({ state_dir: join(folder, "state"), accounts: { bench: account } }));
  const tree = join(folder, "tree");
  mkdirSync(tree);
  const env = { RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: join(folder, "cache") };
  const bench: Bench = {
    folder,
    tree,
    run: (...args) => ({
      command: MAIN,
      args: [...args, "--json", "-c", config],
      cwd: folder,
      env: { KVSYNC_PASSPHRASE: PASSWORD },
      stdoutTo: join(folder, "said"),
    }),
    restic: onPath("restic")
      ? (...args) => ({ command: "restic", args: ["-q", "-r", join(folder, "restic"), ...args], cwd: tree, env })
      : undefined,
  };
  try {
    return await inTurns(bench);
  } finally {
    await server.stop();
    server.discard();
    rmSync(folder, { recursive: true });
  }
}

async function inTurns(bench: Bench): Promise<number> {
  const { folder, run, restic } = bench;
  for (const title of ["source", "distinct", "first", "last"])
    await measure(run("namespace", "create", `bench:${title}`));
  if (restic !== undefined) await measure(restic("init"));
  const zstd = openZstd();
  const seen = new Set<string>();
  const snapshots: string[] = [];
  let missed = 0;
  say(
    `\n**${BACKUPS} backups of ${KEYS.toLocaleString("en")} keys, 1 % changed before each but the first** (one run)\n`,
  );
  say("| | kvsync | requests: wanted | list, bulk get, read | stored | peak | restic | stored | peak |");
  say("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
  for (let round = 0; round <= BACKUPS; round++) {
    // After the last backup comes one of which nothing has changed.
    const unchanged = round === BACKUPS;
    const made = unchanged ? NOTHING : await writeRound(bench, round, seen, zstd.write);
    const before = bytesBelow(join(folder, "restic"));
    const ours = await measure(run("backup", "bench:source", "./repo"));
    const { snapshot, bytesStored, requests } = summary(folder);
    const theirs = restic === undefined ? undefined : await measure(restic("backup", "."));
    snapshots.push(snapshot);
    const wanted = Math.ceil(KEYS / KEYS_A_LISTING) + Math.ceil(made.newTexts / TEXTS_A_REQUEST) + made.newBinaries;
    if (requests.total !== wanted) missed++;
    const verdict = `${requests.total}: ${wanted} ${requests.total === wanted ? "met" : "MISSED"}`;
    const kinds = `${requests.list}, ${requests.bulkGet ?? 0}, ${requests.read ?? 0}`;
    const other =
      theirs === undefined ? "not installed | |" : cells(theirs, bytesBelow(join(folder, "restic")) - before);
    const name = unchanged ? "nothing changed" : `backup ${round + 1}`;
    say(
      `| ${name} | ${seconds(ours)} | ${verdict} | ${kinds} | ${megabytes(bytesStored)} | ${peak(ours)} | ${other} |`,
    );
  }
  missed += await compareSpace(bench, await zstd.end());
  await proveRestores(bench, snapshots[0] ?? "", snapshots[BACKUPS - 1] ?? "");
  return missed;
}

const NOTHING: Round = { newTexts: 0, newBinaries: 0 };

/** Writes what `round` changes to the namespace and to the tree, and every entry once more to the namespace of distinct ones. */
async function writeRound(
  bench: Bench,
  round: number,
  seen: Set<string>,
  compress: (bytes: Buffer) => Promise<void>,
): Promise<Round> {
  const ofThisRound = new Set<string>();
  let newTexts = 0;
  let newBinaries = 0;
  const pairs = createWriteStream(join(bench.folder, "pairs"));
  const distinct = createWriteStream(join(bench.folder, "pairs-distinct"));
  for (let index = 0; index < KEYS; index++) {
    if (round > 0 && !isChanged(index, round)) continue;
    const value = benchValue(index, round);
    const hash = createHash("sha256").update(value.bytes).digest("base64");
    if (!seen.has(hash)) {
      if (value.binary) newBinaries++;
      else newTexts++;
      if (!ofThisRound.has(hash)) await compress(value.bytes);
      ofThisRound.add(hash);
    }
    const file = join(bench.tree, value.key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, value.bytes);
    for (const [out, key] of [
      [pairs, value.key],
      [distinct, `${value.key}~${round}`],
    ] as const) {
      if (!out.write(`${JSON.stringify(pairOf(value, key))}\n`)) await once(out, "drain");
    }
  }
  for (const [out, title] of [
    [pairs, "source"],
    [distinct, "distinct"],
  ] as const) {
    out.end();
    await once(out, "close");
    await measure(bench.run("bulk", "put", String(out.path), "-n", `bench:${title}`));
    rmSync(out.path);
  }
  for (const hash of ofThisRound) seen.add(hash);
  return { newTexts, newBinaries };
}

function pairOf({ bytes, binary, metadata, expiration }: BenchValue, key: string): object {
  const value = bytes.toString(binary ? "base64" : "utf8");
  return { key, value, base64: binary ? true : undefined, metadata, expiration };
}

async function compareSpace({ folder, run }: Bench, values: { bytes: number; zstd: number }): Promise<number> {
  await measure(run("export", "bench:distinct", "./distinct.ndjson.zst"));
  const archive = statSync(join(folder, "distinct.ndjson.zst")).size;
  const repository = bytesBelow(join(folder, "repo"));
  const restic = bytesBelow(join(folder, "restic"));
  const share = (of: number): string => (repository / of).toFixed(3);
  const met = repository <= SPACE_MAX * values.zstd;
  say("\n| all that the backups hold | size | the repository is |\n|---|---:|---:|");
  say(`| distinct values, as they are | ${megabytes(values.bytes)} | ${share(values.bytes)}x |`);
  say(
    `| distinct values, one stream of zstd -3 | ${megabytes(values.zstd)} | ${share(values.zstd)}x, wanted <= ${SPACE_MAX}x ${met ? "met" : "MISSED"} |`,
  );
  say(`| distinct entries, one \`.ndjson.zst\` of kvsync | ${megabytes(archive)} | ${share(archive)}x |`);
  say(`| kvsync's repository | ${megabytes(repository)} | |`);
  say(
    restic === 0
      ? "| restic's repository | not installed | |"
      : `| restic's repository | ${megabytes(restic)} | ${share(restic)}x |`,
  );
  return met ? 0 : 1;
}

async function proveRestores({ run, restic }: Bench, first: string, last: string): Promise<void> {
  say("\n| | wall | peak |\n|---|---:|---:|");
  const row = (name: string, sample: Sample): void => say(`| ${name} | ${seconds(sample)} | ${peak(sample)} |`);
  row("kvsync check --read-data", await measure(run("check", "./repo", "--read-data")));
  if (restic !== undefined) row("restic check --read-data", await measure(restic("check", "--read-data")));
  for (const [title, id] of [
    ["first", first],
    ["last", last],
  ] as const) {
    row(`kvsync restore of the ${title}`, await measure(run("restore", `./repo@${id}`, `bench:${title}`)));
    row(`kvsync check --values of it`, await measure(run("check", `./repo@${id}`, `bench:${title}`, "--values")));
  }
  row("the last against the source", await measure(run("check", "bench:source", "bench:last", "--values")));
}

interface Zstd {
  readonly write: (bytes: Buffer) => Promise<void>;
  readonly end: () => Promise<{ readonly bytes: number; readonly zstd: number }>;
}

/** One stream of zstd -3 of all that is written to it, counted and thrown away. */
function openZstd(): Zstd {
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  let bytes = 0;
  let zstd = 0;
  stream.on("data", (chunk: Buffer) => (zstd += chunk.length));
  return {
    async write(value) {
      bytes += value.length;
      if (value.length > 0 && !stream.write(value)) await once(stream, "drain");
    },
    async end() {
      stream.end();
      await once(stream, "end");
      return { bytes, zstd };
    },
  };
}

function summary(folder: string): Summary {
  const parsed: Summary = JSON.parse(readFileSync(join(folder, "said"), "utf8").trim().split("\n").at(-1) ?? "");
  return parsed;
}

/** 0 where there is nothing. */
function bytesBelow(folder: string): number {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}

function cells(sample: Sample, bytes: number): string {
  return `${seconds(sample)} | ${megabytes(bytes)} | ${peak(sample)}`;
}

function seconds({ wallMs }: Sample): string {
  return `${(wallMs / 1000).toFixed(2)} s`;
}

function peak({ peakBytes }: Sample): string {
  return peakBytes === undefined ? "" : `${Math.round(peakBytes / 1024 / 1024)} MB`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
