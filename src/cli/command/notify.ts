// kvsync notify: those who are told when a person should look. `test` sends them a notice, to see whether it arrives.

import { hostname } from "node:os";
import { dirname } from "node:path";
import type { Command } from "commander";
import type { NotifyConfig } from "../../config/config.ts";
import { configSecrets } from "../../config/config-secrets.ts";
import { readTextFile } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { hookEnvironment } from "../../mapping/hooks/hook-environment.ts";
import { deliverNotice } from "../../notices/deliver-notice.ts";
import type { DeliveryDeps } from "../../notices/delivery-types.ts";
import { encodeNotice } from "../../notices/encode-notice.ts";
import type { NoticeItem } from "../../notices/notice.ts";
import { addCommands, type Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";

export function define(command: Command, start: Start): void {
  addCommands(
    command,
    [
      {
        name: "test",
        summary: "Send a notice that says that it is a test, and tell whether it arrived",
        load: async () => ({ define: defineTest }),
      },
    ],
    start,
  );
}

function defineTest(command: Command, start: Start): void {
  command
    .argument("[target...]", "Those of notify: in the config that get it, by name; all if none is named")
    .action((names: string[]) => start((context) => test(context, names)));
}

const TEST_ITEM: NoticeItem = {
  event: "test",
  mapping: null,
  backup: null,
  account: null,
  since: null,
  message: "this is a test, and nothing is wrong: notices of kvsync arrive here",
  hint: null,
  command: null,
  again: false,
};

async function test(context: Context, names: readonly string[]): Promise<ExitCode> {
  const { clock, output, env, cwd, signal } = context;
  const config = await context.config();
  const deps: DeliveryDeps = {
    clock,
    env,
    programEnv: () => hookEnvironment(env, configSecrets(config)),
    folder: config.file === undefined ? cwd : dirname(config.file),
    readFile: readTextFile,
    version: VERSION,
    signal,
  };
  const counts = { sent: 0, failed: 0 };
  for (const target of select(config.notify, names)) {
    const { name } = target;
    const at = clock.now();
    const began = clock.monotonic();
    const { id, body } = encodeNotice([TEST_ITEM], { host: hostname(), stateDir: config.stateDir, target: name, at });
    const outcome = await deliverNotice(target, { id, body, items: 1 }, deps);
    const durationMs = Math.round(clock.monotonic() - began);
    if (outcome.kind === "delivered") {
      counts.sent++;
      output.report(`${name}: delivered, in ${renderDuration(durationMs)}`);
      output.event({ type: "notice", target: name, id, delivered: true, reason: null, hint: null, durationMs });
      continue;
    }
    counts.failed++;
    const { reason, hint = "see notify: in the config" } = outcome;
    output.line(`${name}: not delivered: ${visible(reason)}\n  hint: ${visible(hint)}`);
    output.event({ type: "notice", target: name, id, delivered: false, reason, hint, durationMs });
  }
  output.event({ type: "summary", command: "notify test", ...counts });
  if (counts.failed === 0) return EXIT.done;
  context.keepFailure(
    new AppError("failed", `${counts.failed} of ${counts.failed + counts.sent} did not get the notice`, {
      hint: "each says why",
    }),
  );
  return EXIT.failed;
}

function select(targets: readonly NotifyConfig[], names: readonly string[]): readonly NotifyConfig[] {
  if (targets.length === 0)
    throw new AppError("config-missing", "the config names nobody who is to be told", {
      hint: "add one under notify: see config.example.yaml",
    });
  const unknown = names.find((name) => targets.every((target) => target.name !== name));
  if (unknown !== undefined)
    throw new AppError("usage", `notify: has no "${visible(unknown)}"`, {
      hint: `it has ${targets.map(({ name }) => name).join(", ")}`,
    });
  return names.length === 0 ? targets : targets.filter(({ name }) => names.includes(name));
}
