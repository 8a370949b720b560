// A migration between two accounts, each in a process of its own with a limit of its own, killed with SIGKILL at random moments and started
// anew until it ends by itself. Then both sides are compared, value by value, and the servers' counts are held against the fewest possible.

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { seededChance } from "../../src/server/chance.ts";
import { endedChild } from "./ended-child.ts";
import { ACCOUNT_ID, type AccountChild, startAccount } from "./account-child.ts";
import type { AnsweredRequest } from "./account-process.ts";
import { type LedgerTally, openMigrationLedger, type Side } from "./migration-ledger.ts";

export interface KilledMigrationOptions {
  readonly seed: number;
  readonly kills: number;
  readonly keys: number;
  readonly namespaces: number;
  /** Of each account. */
  readonly limit: { readonly requests: number; readonly seconds: number };
  readonly start: (args: readonly string[], cwd: string) => ChildProcess;
  readonly tell: (line: string) => void;
}

export interface KilledMigrationReport extends LedgerTally {
  kills: number;
  verdict: string;
  /** Of both sides, as far as the report tells them apart. */
  rootsApart: number;
  /** Exit codes of `kvsync check --values`, by how often. */
  readonly checks: Record<string, number>;
  /** Commands that failed, with what they said. */
  readonly failures: readonly string[];
}

const NAME = "killed";
/** A request that a killed process has sent may still be answered. */
const ECHO_MS = 200;

export async function liveKilledMigration(options: KilledMigrationOptions): Promise<KilledMigrationReport> {
  const { seed, kills, keys, namespaces, limit, start, tell } = options;
  const chance = seededChance(seed);
  const dir = mkdtempSync(join(tmpdir(), "kvsync-killed-migration-"));
  const failures: string[] = [];
  let onAnswered: ((side: Side, request: AnsweredRequest) => void) | undefined;
  const open = (side: Side): Promise<AccountChild> =>
    startAccount({ token: `token-of-${side}` }, (request) => onAnswered?.(side, request));
  const [source, destination] = await Promise.all([open("source"), open("destination")]);
  try {
    const titles = Array.from({ length: namespaces }, (_, i) => `ns-${String(i).padStart(2, "0")}`);
    const idsAtSource = await fill(source, titles, keys);
    const rateLimit = { requests: limit.requests, windowSeconds: limit.seconds };
    await Promise.all([source, destination].map((account) => account.setFaults({ rateLimit })));
    const account = ({ url, token }: AccountChild): string =>
      `{ endpoint: "${url}", account_id: ${ACCOUNT_ID}, api_token: ${token}, budget: { requests: ${limit.requests}, per: ${limit.seconds}s, share: 100% } }`;
    const config = `state_dir: ./state\naccounts:\n  old: ${account(source)}\n  new: ${account(destination)}\n`;
    writeFileSync(join(dir, "kvsync.yaml"), config);

    const ids = new Map<string, string>();
    const ledger = openMigrationLedger((id) => {
      if (!ids.has(id)) for (const [to, from] of mapOfIds(dir, idsAtSource)) ids.set(to, from);
      return ids.get(id) ?? id;
    });
    const report = { kills: 0, verdict: "none", rootsApart: 0, checks: {} as Record<string, number> };
    const command = ["migrate", "old", "new", "--all-namespaces", "--name", NAME, "--verify", "listing"];
    for (let runs = 1; ; runs++) {
      // After a part of what is left, as much as leaves some for each kill to come; or soon, whatever is done by then.
      const killsLeft = kills - report.kills;
      const left = keys - ledger.written();
      const until = ledger.written() + chance() * 2 * (left / (killsLeft + 1));
      const afterMs = chance() * 400;
      const isAhead = ledger.written() / keys > (report.kills + 1) / (kills + 1);
      const soonMs = isAhead || chance() < 0.3 ? chance() * 2500 : Number.POSITIVE_INFINITY;
      const child = start([...command, "--settle-window", "500ms", "--json"], dir);
      const reached = Promise.withResolvers<void>();
      onAnswered = (side, request) => {
        ledger.note(side, request);
        if (ledger.writtenNow() >= until && request.operation === "bulkGet") reached.resolve();
      };
      const over = new AbortController();
      let killedAt = 0;
      const ended = endedChild(child);
      if (killsLeft > 0) {
        const kill = (): void => {
          killedAt = performance.now();
          child.kill("SIGKILL");
        };
        void reached.promise.then(() => pause(afterMs, undefined, { signal: over.signal }).then(kill, () => undefined));
        if (Number.isFinite(soonMs)) pause(soonMs, undefined, { signal: over.signal }).then(kill, () => undefined);
      }
      const end = await ended;
      over.abort();
      await pause(ECHO_MS);
      const isKilled = end.signal === "SIGKILL";
      ledger.endRun(isKilled ? killedAt : undefined);
      tell(
        `run ${runs}: ${isKilled ? "killed" : `ended with ${end.code}`}, ${ledger.written()} of ${keys} keys written`,
      );
      if (isKilled) {
        report.kills++;
        continue;
      }
      if (end.code !== 0) failures.push(`kvsync migrate ended with ${end.code}: ${end.text.slice(-1000)}`);
      break;
    }
    onAnswered = undefined;
    await Promise.all([source, destination].map((one) => one.setFaults({})));
    if (failures.length === 0) {
      const told = JSON.parse(readFileSync(join(dir, "state", "migrations", NAME, "report.json"), "utf8")) as Told;
      report.verdict = told.verdict;
      report.rootsApart = told.namespaces.filter(({ proof }) => proof.root.source !== proof.root.destination).length;
      for (const title of titles) {
        const { code } = await endedChild(start(["check", `old:${title}`, `new:${title}`, "--values"], dir));
        report.checks[String(code)] = (report.checks[String(code)] ?? 0) + 1;
      }
    }
    return { ...report, ...ledger.tally(), failures };
  } finally {
    await Promise.all([source.close(), destination.close()]);
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Told {
  readonly verdict: string;
  readonly namespaces: readonly {
    readonly proof: { readonly root: { readonly source: string; readonly destination: string } };
  }[];
}

/** Returns the ids of the namespaces. The values are of different lengths, some keys have metadata, and some expire after all is over. */
async function fill(source: AccountChild, titles: readonly string[], keys: number): Promise<readonly string[]> {
  const ids: string[] = [];
  const expiration = Math.floor(Date.now() / 1000) + 86_400;
  for (const [at, title] of titles.entries()) {
    const { id } = (await source.call("POST", "", { title })) as { readonly id: string };
    ids.push(id);
    const [from, to] = [Math.floor((at * keys) / titles.length), Math.floor(((at + 1) * keys) / titles.length)];
    const pairs = Array.from({ length: to - from }, (_, i) => ({
      key: `k/${String(i).padStart(6, "0")}`,
      value: `value ${from + i} `.repeat(1 + (i % 20)),
      ...(i % 5 === 0 && { metadata: { number: i } }),
      ...(i % 7 === 0 && { expiration }),
    }));
    for (let i = 0; i < pairs.length; i += 10_000) await source.call("PUT", `/${id}/bulk`, pairs.slice(i, i + 10_000));
  }
  return ids;
}

/** Of the destination's namespaces, as the migration's record knows them. */
function mapOfIds(dir: string, idsAtSource: readonly string[]): readonly (readonly [string, string])[] {
  const path = join(dir, "state", "migrations", NAME, "migration.json");
  const { namespaces } = JSON.parse(readFileSync(path, "utf8")) as {
    readonly namespaces: readonly {
      readonly source: { readonly id: string };
      readonly destination: { readonly id: string | null };
    }[];
  };
  return namespaces.flatMap(({ source, destination }) =>
    destination.id !== null && idsAtSource.includes(source.id) ? [[destination.id, source.id] as const] : [],
  );
}
