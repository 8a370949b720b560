// A cut-over while programs write and delete at the source up to the last moment, and both servers show what was written late. Then the
// report must say "equal", or name exactly the keys that were written after the cut-over had begun.

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { seededChance } from "../../src/server/chance.ts";
import { ACCOUNT_ID, type AccountChild, startAccount } from "./account-child.ts";

export interface CutOverOptions {
  readonly seed: number;
  readonly keys: number;
  /** What was written shows after so long at the latest. */
  readonly lagMs: number;
  readonly start: (args: readonly string[], cwd: string) => ChildProcess;
}

export interface CutOverOutcome {
  readonly seed: number;
  readonly verdict: string;
  readonly code: number | null;
  /** Writes and deletes at the source before the cut-over, and after it had begun. */
  readonly changes: number;
  readonly late: number;
  readonly seconds: number;
  /** Keys that the report names and that nobody changed late, and keys that differ, were written a settle window before the comparison
   * or earlier, and were not named. */
  readonly wronglyNamed: readonly string[];
  readonly unnamed: readonly string[];
  /** What the report says of the wrongly named. */
  readonly findings: readonly object[];
}

const NAME = "live";

interface Listed {
  readonly name: string;
}

export async function liveCutOver({ seed, keys, lagMs, start }: CutOverOptions): Promise<CutOverOutcome> {
  const chance = seededChance(seed);
  const startedAt = performance.now();
  const dir = mkdtempSync(join(tmpdir(), "kvsync-cut-over-"));
  const lag = { seed, settle: { seconds: lagMs / 1000 } };
  const ignore = (): void => undefined;
  const [source, destination] = await Promise.all([
    startAccount({ token: "source", faults: lag }, ignore),
    startAccount({ token: "destination", faults: { ...lag, seed: seed + 1 } }, ignore),
  ]);
  try {
    const { id } = (await source.call("POST", "", { title: "app" })) as { readonly id: string };
    const nameOf = (): string => `k/${Math.floor(chance() * keys * 1.2)}`;
    const pairs = Array.from({ length: keys }, (_, i) => ({ key: `k/${i}`, value: `value ${i}` }));
    await source.call("PUT", `/${id}/bulk`, pairs);
    const account = ({ url, token }: AccountChild): string =>
      `{ endpoint: "${url}", account_id: ${ACCOUNT_ID}, api_token: ${token} }`;
    const config = `state_dir: ./state\naccounts:\n  old: ${account(source)}\n  new: ${account(destination)}\n`;
    writeFileSync(join(dir, "kvsync.yaml"), config);

    let changes = 0;
    const change = async (): Promise<readonly string[]> => {
      changes++;
      const names = [...new Set(Array.from({ length: 1 + Math.floor(chance() * 3) }, nameOf))];
      const metadata = chance() < 0.3 ? { metadata: { change: changes } } : {};
      if (chance() < 0.3) await source.call("POST", `/${id}/bulk/delete`, names);
      else
        await source.call(
          "PUT",
          `/${id}/bulk`,
          names.map((key) => ({ key, value: `changed ${seed} ${changes}`, ...metadata })),
        );
      return names;
    };
    const begun = Promise.withResolvers<void>();
    const writing = new AbortController();
    const writer = begun.promise.then(async () => {
      // A burst, then now and then: so that there are quiet rounds, too.
      for (let i = 0; !writing.signal.aborted; i++) {
        await change();
        await pause(i < 20 ? 50 : lagMs * (0.2 + chance() * 4), undefined, { signal: writing.signal }).catch(ignore);
      }
    });

    const options = ["--settle-window", `${lagMs}ms`, "--interval", `${Math.floor(lagMs / 4)}ms`, "--verify", "values"];
    const child = start(["migrate", "old:app", "new", "--name", NAME, "--follow", "--json", ...options], dir);
    child.stderr!.resume();
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    /** By key, when it was changed last. */
    const late = new Map<string, number>();
    const isLate = seed % 2 === 1;
    for await (const line of createInterface(child.stdout!)) {
      if (line.includes('"state":"copying"')) begun.resolve();
      const state = /"state":"([a-z-]+)"/.exec(line)?.[1];
      if (line.includes('"type":"state"') && state === "ready") {
        writing.abort();
        await writer;
        // Within the last moment before the cut-over.
        for (let i = 0; i < 3; i++) await change();
        const asked = start(["migrate", "cutover", NAME, "--now"], dir);
        await new Promise((resolve) => asked.once("close", resolve));
      }
      if (line.includes('"type":"state"') && state === "cutting-over" && isLate) {
        await pause(chance() * lagMs);
        for (const key of await change()) late.set(key, Date.now());
      }
      if (line.includes('"type":"state"') && state === "proving" && isLate) {
        for (const key of await change()) late.set(key, Date.now());
      }
    }
    writing.abort();
    const code = await ended;
    await Promise.all([source, destination].map((one) => one.setFaults({})));
    const differing = await differences(source, id, destination);
    const report = JSON.parse(readFileSync(join(dir, "state", "migrations", NAME, "report.json"), "utf8")) as Told;
    // What was written later than that, the source may not have shown when the comparison looked: the report says so.
    const shownSince = Math.min(...report.namespaces.map(({ proof }) => Date.parse(proof.startedAt))) - lagMs;
    const findings = report.namespaces.flatMap(({ proof }) => proof.findings);
    const named = new Set(findings.map(({ key }) => key));
    return {
      seed,
      verdict: report.verdict,
      code,
      changes,
      late: late.size,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      wronglyNamed: [...named].filter((key) => !late.has(key)),
      unnamed: differing.filter((key) => !named.has(key) && (late.get(key) ?? 0) < shownSince),
      findings: findings
        .filter(({ key }) => !late.has(key))
        .map((one) => ({ ...one, isReal: differing.includes(one.key) })),
    };
  } finally {
    await Promise.all([source.close(), destination.close()]);
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Told {
  readonly verdict: string;
  readonly namespaces: readonly { readonly proof: ToldProof }[];
}

interface ToldProof {
  readonly startedAt: string;
  readonly findings: readonly { readonly key: string }[];
}

/** Keys that are not the same at both sides, as the servers have them. */
async function differences(source: AccountChild, id: string, destination: AccountChild): Promise<readonly string[]> {
  const [to] = (await destination.call("GET", "")) as readonly { readonly id: string }[];
  const [a, b] = await Promise.all([contentOf(source, id), contentOf(destination, to!.id)]);
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

async function contentOf(account: AccountChild, id: string): Promise<ReadonlyMap<string, string>> {
  const content = new Map<string, string>();
  const listed = (await account.call("GET", `/${id}/keys?limit=1000`)) as readonly Listed[];
  for (let i = 0; i < listed.length; i += 100) {
    const keys = listed.slice(i, i + 100).map(({ name }) => name);
    const { values } = (await account.call("POST", `/${id}/bulk/get`, { keys, type: "text" })) as {
      readonly values: Readonly<Record<string, string>>;
    };
    for (const [key, value] of Object.entries(values)) content.set(key, value);
  }
  return content;
}
