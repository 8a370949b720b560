// `npm run simulate:archives [-- --keys 100000]`: every kind of key through every kind of archive. A namespace of mixed keys is
// exported and imported into a new one in each format; no value may differ, and all content roots are equal.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServer } from "../../bench/server-process.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const { values } = parseArgs({ options: { keys: { type: "string", default: "100000" } } });
const KEYS = Number(values.keys);
const METADATA = [undefined, { a: 1 }, [1, "two"], "text", 7, true, { kvsync: "mine" }, { deep: { er: [null] } }, -0.5];

const folder = mkdtempSync(join(tmpdir(), "kvsync-simulate-archives-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const server = await startServer(MAIN, join(folder, "data"));
const account = `{ endpoint: "${server.url}", account_id: a, api_token: bench-token, budget: { requests: 1000000, per: 1s } }`;
writeFileSync(join(folder, "kvsync.yaml"), `state_dir: ./state\naccounts: { local: ${account} }\n`);

/** Every kind of value and metadata, as lines of a bulk write. */
async function writePairs(path: string): Promise<void> {
  const later = Math.floor(Date.now() / 1000) + 10 * 86_400;
  const out = createWriteStream(path);
  for (let i = 0; i < KEYS; i++) {
    const value =
      i % 20 === 7
        ? randomBytes(i % 300)
        : ["text", `{"json":${i}}`, "", "h\u00e9llo \u{1f600} \u2028\ue000", 'a\0b\ufeff"\\'][i % 5]!;
    const isText = typeof value === "string";
    const key = `${["a", "b/c", "\u00fcml\u00e4ut", "\u{1f600}", "\ue000", "/x//"][i % 6]}/${(i * 7919) % KEYS}`;
    const pair = { key, value: isText ? value : value.toString("base64"), ...(!isText && { base64: true }) };
    const more = { metadata: METADATA[i % METADATA.length], ...(i % 4 === 0 && { expiration: later + i }) };
    if (!out.write(`${JSON.stringify({ ...pair, ...more })}\n`)) await once(out, "drain");
  }
  for (const [key, bytes] of [
    ["largest binary", randomBytes(26_214_400)],
    ["largest text", Buffer.alloc(26_214_400, '\u00e9"x')],
  ] as const) {
    const isText = key.endsWith("text");
    out.write(`${JSON.stringify({ key, value: bytes.toString(isText ? "utf8" : "base64"), base64: !isText })}\n`);
  }
  out.end();
  await once(out, "close");
}

/** Runs the command line, and throws unless it ends well. Returns the last of its lines of JSON. */
async function kvsync(...args: string[]): Promise<Record<string, unknown>> {
  const startedAt = Date.now();
  // This node first: a program that finds an older one starts another process, of which the memory is not seen here.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
  const child = spawn(MAIN, [...args, "--json"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err, peak] = ["", "", 0];
  child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
  const sampler = setInterval(() => {
    try {
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0));
    } catch {
      // It is gone, or there is no /proc here: what was seen so far stands.
    }
  }, 20);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(sampler);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${args.join(" ")}: exit ${code}, ${seconds} s, ${Math.round(peak / 1024)} MB\n`);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}\n${out.slice(-2000)}\n${err.slice(-2000)}`);
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "{}") as Record<string, unknown>;
}

try {
  await kvsync("namespace", "create", "local:mixed");
  await writePairs(join(folder, "pairs.lines"));
  await kvsync("bulk", "put", "pairs.lines", "-n", "local:mixed");
  const roots = new Set<unknown>();
  for (const format of ["ndjson", "ndjson.zst", "ndjson.gz", "json"]) {
    const to = `local:${format}`;
    await kvsync("namespace", "create", to);
    const exported = await kvsync("export", "local:mixed", `mixed.${format}`);
    await kvsync("import", `mixed.${format}`, to);
    const checked = await kvsync("check", `mixed.${format}`, to, "--values");
    await kvsync("check", "local:mixed", to, "--values");
    const again = await kvsync("export", to, `again.${format}`);
    roots.add(exported["root"]).add(again["root"]);
    if (exported["written"] !== KEYS + 2) throw new Error(`${format} has ${String(exported["written"])} entries`);
    if (checked["unchanged"] !== KEYS + 2) throw new Error(`${format}: ${JSON.stringify(checked)}`);
  }
  if (roots.size !== 1) throw new Error(`the content roots differ: ${[...roots].join(", ")}`);
  process.stdout.write(`${KEYS + 2} keys in 4 formats: no difference, one content root ${String([...roots][0])}\n`);
} finally {
  await server.stop();
}
