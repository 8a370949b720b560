// `kvsync doctor`: looks at everything a round needs, and says what is wrong and what to do about it.

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import type { Config } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { readUndelivered } from "../../notices/notice-memory.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { readMappingOutcome } from "../../mapping/mapping-outcome.ts";
import { checkAlike } from "../doctor/alike-check.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import { checkAccount, checkProxy, checkReach } from "../doctor/account-checks.ts";
import { checkNotices } from "../doctor/notice-checks.ts";
import { checkBackup } from "../doctor/backup-checks.ts";
import { type Check, fail, ok, warn } from "../doctor/check.ts";
import { checkSecrets } from "../doctor/secret-check.ts";
import { checkFolder, checkStateFolder } from "../doctor/folder-checks.ts";
import { checkWatches } from "../doctor/watch-check.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { visibleLines } from "../render/output.ts";

export function define(command: Command, start: Start): void {
  command.action(() => start(doctor));
}

async function doctor(context: Context): Promise<ExitCode> {
  const { output } = context;
  const counts = { ok: 0, warn: 0, fail: 0 };
  for await (const check of runChecks(context)) {
    counts[check.status]++;
    const paint = { ok: output.stdout.green, warn: output.stdout.yellow, fail: output.stdout.red }[check.status];
    const text = `${paint(check.status.padEnd(4))}  ${output.stdout.bold(visible(check.subject))}: ${visibleLines(check.message)}`;
    if (check.status === "ok") output.report(text);
    else output.line(text);
    if (check.hint !== undefined) output.line(`      ${visibleLines(check.hint)}`);
    output.event({ type: "check", ...check });
  }
  output.report(
    counts.fail + counts.warn === 0
      ? "all is well"
      : `${counts.fail} failed, ${counts.warn} to look at, ${counts.ok} well`,
  );
  output.event({ type: "summary", command: "doctor", ok: counts.ok, warnings: counts.warn, failed: counts.fail });
  if (counts.fail === 0) return EXIT.done;
  context.keepFailure(
    new AppError("failed", `${counts.fail} ${counts.fail === 1 ? "check" : "checks"} failed`, {
      hint: "each says what to do about it",
    }),
  );
  return EXIT.failed;
}

async function* runChecks(context: Context): AsyncGenerator<Check> {
  const config = await configOf(context);
  if ("status" in config) {
    yield config;
    return;
  }
  yield describeConfig(config);
  yield checkStateFolder(config.stateDir);
  const mappings = [...config.mappings.values()];
  for (const mapping of mappings) {
    yield* checkFolder(mapping);
    yield* checkSecrets(context.clock, mapping, context.signal);
    const known = lookAtJournal(
      context,
      config.stateDir,
      (journal) => readMappingOutcome(journal, mapping.name)?.alike,
    );
    yield* checkAlike(context.clock, mapping, { known, signal: context.signal });
  }
  const watches = checkWatches(
    mappings.filter(({ mode, folder }) => mode !== "pull" && existsSync(folder)).map(({ folder }) => folder),
  );
  if (watches !== undefined && mappings.length > 0) yield watches;
  for (const backup of config.backups.values()) yield* checkBackup(context, config.stateDir, backup);
  for (const target of config.notify) {
    const undelivered = lookAtJournal(context, config.stateDir, (journal) => readUndelivered(journal, target.name));
    const folder = config.file === undefined ? context.cwd : dirname(config.file);
    yield* checkNotices(target, undelivered, { env: context.env, folder, now: context.clock.now() });
  }
  for (const account of config.accounts.values()) {
    const proxy = checkProxy(account, context.env);
    if (proxy !== undefined) yield proxy;
    if (proxy?.status === "fail") continue;
    const reach = await checkReach(context.clock, account, context.env, context.signal);
    if (reach !== undefined) yield reach;
    // What is out of reach has been told; trying again for a minute would tell no more.
    if (reach?.status === "fail" && reach.subject !== "clock") continue;
    const deps = { clock: context.clock, signal: context.signal, open: (name: string) => context.account(name) };
    yield* await checkAccount(
      deps,
      account,
      mappings.filter((mapping) => mapping.account === account.name),
    );
  }
}

async function configOf(context: Context): Promise<Config | Check> {
  try {
    return await context.config();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return fail("config", error.message, error.hint ?? "see config.example.yaml");
  }
}

function describeConfig({ file, accounts, mappings, backups, auto }: Config): Check {
  if (file === undefined) {
    return accounts.size === 0
      ? warn(
          "config",
          "there is no config file, and no account in the environment",
          "kvsync init, or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN",
        )
      : ok("config", `no config file; the account ${[...accounts.keys()].join()} is from the environment`);
  }
  const shown = visible(file);
  if (mappings.size + backups.size === 0 && auto === undefined)
    return warn("config", `${shown} has no mapping`, "add one under mappings: see config.example.yaml");
  return ok(
    "config",
    `${shown}: ${accounts.size} ${accounts.size === 1 ? "account" : "accounts"}, ${mappings.size} ${mappings.size === 1 ? "mapping" : "mappings"}`,
  );
}
