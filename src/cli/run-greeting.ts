// What `kvsync run` says when it starts: what each mapping's first round did, then how to try it. On stdout, for people;
// the log goes on from there.

import { relative } from "node:path";
import type { MappingConfig } from "../config/config.ts";
import { visible } from "../core/errors.ts";
import { renderDuration } from "../core/units.ts";
import type { DaemonListener } from "../daemon/daemon-event.ts";
import { decodeHoldReason, renderHoldReason } from "../daemon/hold-reason.ts";
import type { RoundReport } from "../daemon/round-port.ts";
import type { Output } from "./output.ts";
import { count } from "./progress.ts";

export interface GreetingDeps {
  readonly output: Output;
  readonly cwd: string;
  /** How kvsync is called here: `kvsync`, or `npx kvsync`. */
  readonly program: string;
}

export interface Greeting {
  readonly listen: DaemonListener;
  /** All mappings that there are now have been started: when each has had its first round, the rest is said. */
  expectAll(): void;
}

const ARROWS = { push: "->", pull: "<-", "two-way": "<->" } as const;

export function openGreeting(deps: GreetingDeps): Greeting {
  const { output } = deps;
  const waiting = new Map<string, MappingConfig>();
  const first: MappingConfig[] = [];
  let isExpecting = false;
  let isDone = false;

  const told = (mapping: MappingConfig, text: string): void => {
    if (isDone || !waiting.delete(mapping.name)) return;
    first.push(mapping);
    output.line(`${output.stdout.bold(visible(mapping.name))}: ${describe(mapping, deps.cwd)}: ${text}`);
    finish();
  };
  const finish = (): void => {
    if (isDone || !isExpecting || waiting.size > 0) return;
    isDone = true;
    const example = first[0];
    if (example === undefined) output.line("nothing to sync yet: each folder that appears under root is a mapping");
    else for (const line of hints(example, deps)) output.line(line);
  };
  return {
    listen: (event) => {
      if (!("mapping" in event)) return;
      const { mapping } = event;
      if (event.kind === "started" && !isDone) waiting.set(mapping.name, mapping);
      if (event.kind === "stopped") waiting.delete(mapping.name);
      if (event.kind === "round-ended" && event.report.hold === undefined) told(mapping, describeRound(event.report));
      if (event.kind === "held") told(mapping, `held: ${renderHoldReason(decodeHoldReason(event.hold.reason))}`);
      if (event.kind === "failed") told(mapping, `${visible(event.error.message)}; trying again`);
    },
    expectAll: () => {
      isExpecting = true;
      finish();
    },
  };
}

function describe({ mode, folder, account, namespace, prefix }: MappingConfig, cwd: string): string {
  const remote = `${account}:${namespace}${prefix === "" ? "" : `/${prefix}`}`;
  return `${visible(shortPath(folder, cwd))} ${ARROWS[mode]} ${visible(remote)}`;
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
