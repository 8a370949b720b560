// What `kvsync run` says when it starts: what each mapping's first round did, then how to try it. On stdout, for people;
// the log goes on from there.

import { count, counted } from "../../core/counted.ts";
import { relative } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { visible } from "../../core/errors.ts";
import { renderRemote } from "../../core/prefix.ts";
import { renderDuration } from "../../core/units.ts";
import type { DaemonListener } from "../../daemon/daemon-event.ts";
import { decodeHoldReason, renderHoldReason } from "../../mapping/hold-reason.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { Output } from "../render/output.ts";

export interface GreetingDeps {
  readonly output: Output;
  readonly cwd: string;
  /** How kvsync is called here: `kvsync`, or `npx kvsync`. */
  readonly program: string;
  /** The log is where people look, and tells of what a round did: that is not told a second time. */
  readonly logTells: boolean;
  /** What to say where there is no mapping. */
  readonly whenNone: string;
}

export interface Greeting {
  readonly listen: DaemonListener;
  /** Whether it is about to tell, or has just told, what this mapping's first round did: then the log need not. */
  tells(mapping: string): boolean;
  /** All mappings that there are now have been started: when each has had its first round, the rest is said. */
  expectAll(): void;
}

const ARROWS = { push: "->", pull: "<-", "two-way": "<->" } as const;

/** How a mapping stands: in step, or why not and what to do about it. */
type Standing = {
  readonly text: string;
  /** The log has a line of it. */
  readonly isLogged: boolean;
} & ({ readonly inStep: true } | { readonly inStep: false; readonly advice: string });

/** Says that all is in step only once it is: until then it says which mappings are not, and what to type. */
export function openGreeting(deps: GreetingDeps): Greeting {
  const { output, cwd } = deps;
  const mappings = new Map<string, MappingConfig>();
  const standings = new Map<string, Standing>();
  let isExpecting = false;
  let isToldFirst = false;
  let isDone = false;
  /** Mappings are being closed: those that remain tell nothing of all. */
  let isEnding = false;

  const stands = (mapping: MappingConfig, standing: Standing): void => {
    const isFirst = !standings.has(mapping.name);
    standings.set(mapping.name, standing);
    if (isFirst && !(deps.logTells && standing.isLogged))
      output.report(`${output.stdout.bold(visible(mapping.name))}: ${describe(mapping, cwd)}: ${standing.text}`);
    finish();
  };
  const finish = (): void => {
    if (isDone || isEnding || !isExpecting || standings.size < mappings.size) return;
    const [example] = mappings.values();
    const behind = [...standings].flatMap(([name, standing]) => (standing.inStep ? [] : [{ name, ...standing }]));
    if (example === undefined) output.report(deps.whenNone);
    else if (behind.length === 0) for (const line of hints(example, deps)) output.report(line);
    else if (!isToldFirst)
      for (const { name, advice } of behind) output.line(`not in step: ${visible(name)}. ${advice}`);
    isToldFirst = true;
    isDone = behind.length === 0;
  };
  return {
    tells: (mapping) => !deps.logTells && !isDone && !standings.has(mapping),
    listen: (event) => {
      if (isDone || !("mapping" in event)) return;
      const { mapping } = event;
      if (event.kind === "started") {
        mappings.set(mapping.name, mapping);
        isEnding = false;
        if (event.paused !== undefined) stands(mapping, whilePaused(mapping, deps.program));
      }
      if (event.kind === "paused") stands(mapping, whilePaused(mapping, deps.program));
      if (event.kind === "stopped") {
        mappings.delete(mapping.name);
        standings.delete(mapping.name);
        isEnding = true;
      }
      if (event.kind === "round-ended" && event.report.hold === undefined) {
        // A round over a few keys says nothing of the others.
        if (event.report.isFull) stands(mapping, afterRound(mapping, event.report, deps.program));
      }
      if (event.kind === "held") {
        const { name } = mapping;
        stands(mapping, {
          inStep: false,
          isLogged: true,
          text: `held: ${renderHoldReason(decodeHoldReason(event.hold.reason))}`,
          advice: `Look with: ${deps.program} diff ${visible(name)}\n  Let it run with: ${deps.program} approve ${visible(name)} --plan ${event.hold.plan}`,
        });
      }
      if (event.kind === "failed") {
        const { hint, message } = event.error;
        const advice = `kvsync tries again by itself.${hint === undefined ? "" : `\n  hint: ${visible(hint)}`}`;
        stands(mapping, { inStep: false, isLogged: true, text: visible(message), advice });
      }
    },
    expectAll: () => {
      isExpecting = true;
      finish();
    },
  };
}

function whilePaused({ name }: MappingConfig, program: string): Standing {
  const advice = `It is paused. To go on with it: ${program} resume ${visible(name)}`;
  return { inStep: false, isLogged: true, text: "paused", advice };
}

function afterRound(mapping: MappingConfig, report: RoundReport, program: string): Standing {
  const { failed, conflicts, lagging } = report.result;
  const text = describeRound(report);
  const isLogged = report.result.written + report.result.removed > 0;
  const ask = `See which with: ${program} status`;
  if (failed > 0) return { inStep: false, isLogged, text, advice: `${counted(failed, "key")} failed. ${ask}` };
  if (mapping.conflict === "hold" && conflicts > 0)
    return {
      inStep: false,
      isLogged,
      text,
      advice: `${counted(conflicts, "key is", "keys are")} in conflict. See which with: ${program} conflicts list`,
    };
  if (lagging > 0)
    return {
      inStep: false,
      isLogged,
      text,
      advice: `${counted(lagging, "key waits", "keys wait")} until the namespace has settled.`,
    };
  return { inStep: true, isLogged, text };
}

function describe({ mode, folder, account, namespace, prefix }: MappingConfig, cwd: string): string {
  return `${visible(shortPath(folder, cwd))} ${ARROWS[mode]} ${visible(renderRemote(account, namespace, prefix))}`;
}

function describeRound({ result, durationMs }: RoundReport): string {
  const { written, removed, unchanged, failed } = result;
  const parts = [`${count(written)} written`, `${count(removed)} removed`, `${count(unchanged)} unchanged`];
  if (failed > 0) parts.push(`${count(failed)} failed`);
  return `${parts.join(", ")}, ${renderDuration(durationMs)}`;
}

function hints(mapping: MappingConfig, { output, cwd, program }: GreetingDeps): readonly string[] {
  const { bold } = output.stdout;
  const folder = visible(shortPath(mapping.folder, cwd));
  const list = bold(`${program} key list -n ${visible(mapping.name)}`);
  const edit =
    mapping.mode === "pull"
      ? `write a key, and find it in ${folder}: ${bold(`${program} key put hello world -n ${visible(mapping.name)}`)}`
      : `edit, add or delete a file in ${folder}, and see it a second later: ${list}`;
  return [
    "in step from here on. Try:",
    `  ${edit}`,
    `  ask how it stands:  ${bold(`${program} status`)}    and what it did:  ${bold(`${program} history`)}`,
    `  stop it:  ${bold("Ctrl-C")}`,
  ];
}

function shortPath(folder: string, cwd: string): string {
  const path = relative(cwd, folder);
  return path === "" || path.startsWith("..") ? folder : path;
}
