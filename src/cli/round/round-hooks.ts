// The hooks of a mapping after a single round: the same programs, told the same, as after a round of the daemon.

import type { Config, MappingConfig } from "../../config/config.ts";
import { configSecrets } from "../../config/config-secrets.ts";
import { openHooks } from "../../mapping/hooks/hooks.ts";
import { KILL_GRACE_MS } from "../../mapping/hooks/run-hook.ts";
import { heldPlan, tellChanges } from "../../mapping/hooks/tell-hooks.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { openHookLog, tellHookFailure } from "../render/hook-output.ts";

/** Runs what the round gives reason for, and waits for it. `heldBefore`: the plan that the mapping was held with before.
 * Returns EXIT.failed if a program failed, which is told on stderr; but not where the round is held: that is for a person to
 * mend, and its exit code says so. */
export async function runRoundHooks(
  context: Context,
  { mapping, config }: { readonly mapping: MappingConfig; readonly config: Config },
  report: RoundReport,
  heldBefore: string | undefined,
): Promise<ExitCode> {
  const { clock, env, signal } = context;
  const { name, folder, onChange, onHold, onConflict } = mapping;
  const all = [onChange, onHold, onConflict].filter((hook) => hook !== undefined);
  if (all.length === 0) return EXIT.done;
  const hooks = openHooks({
    clock,
    log: openHookLog(context, name),
    hooks: { onChange, onHold, onConflict },
    mapping: name,
    folder,
    env,
    secrets: () => configSecrets(config),
  });
  tellChanges(report, hooks);
  const { hold } = report;
  if (hold !== undefined && hold.plan !== heldBefore) hooks.held(heldPlan(hold));
  // Each program's own timeout comes first, so that it is told which of them it ran into.
  await hooks.close(Math.max(...all.map(({ timeoutMs }) => timeoutMs)) + KILL_GRACE_MS, signal);
  for (const [hook, failure] of hooks.failures()) {
    tellHookFailure(context, { kind: "mapping", name, hook, failure });
  }
  return hooks.failures().size > 0 && hold === undefined ? EXIT.failed : EXIT.done;
}
