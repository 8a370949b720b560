// kvsync conflicts: keys that both sides changed. Those that wait for a person (conflict: hold), and the conflict copies that lie beside
// files (conflict: keep-both): which there are, how the versions differ, and what becomes of them.

import { type Command, Option } from "commander";
import { count, counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import type { Keep } from "../../mapping/conflicts/conflict-lines.ts";
import { addCommands, type Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import {
  renderChoices,
  renderConflict,
  renderSide,
  showCommand,
  sideNames,
  textOf,
} from "../render/render-conflict.ts";
import { tellResolved } from "../render/tell-resolved.ts";
import { tellContentDiff } from "../render/show-contents.ts";
import { resolveAll } from "../round/resolve-all.ts";
import { type ConflictPort, openConflictPort } from "../round/conflict-port.ts";

interface ResolveOptions {
  readonly keep: Keep;
  readonly copy?: string;
  readonly ifLocal?: string;
  readonly ifRemote?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
}

const COPY = "Which conflict copy, by its path in the folder, where a key has several";

export function define(command: Command, start: Start): void {
  addCommands(
    command,
    [
      { name: "list", summary: "List the keys that both sides changed", load: async () => ({ define: defineList }) },
      { name: "show", summary: "Show both versions of a key", load: async () => ({ define: defineShow }) },
      {
        name: "resolve",
        summary: "Keep the local version, the remote one, or both",
        load: async () => ({ define: defineResolve }),
      },
    ],
    start,
  );
}

function defineList(command: Command, start: Start): void {
  command
    .argument("[mapping]", "Only of this mapping")
    .option("--fail", "Exit with code 6 if there is any")
    .action((mapping: string | undefined, { fail = false }: { readonly fail?: boolean }) =>
      start((context) => withPort(context, mapping, (port) => list(context, port, mapping, fail))),
    );
}

function defineShow(command: Command, start: Start): void {
  command
    .argument("<mapping>", "The mapping of the key")
    .argument("<key>", "As kvsync conflicts list shows it")
    .option("--copy <path>", COPY)
    .action((mapping: string, key: string, { copy }: { readonly copy?: string }) =>
      start((context) => withPort(context, mapping, (port) => show(context, port, mapping, { key, copy }))),
    );
}

function defineResolve(command: Command, start: Start): void {
  command
    .argument("<mapping>", "The mapping of the key")
    .argument("[key]", "As kvsync conflicts list shows it")
    .addOption(
      new Option("--keep <which>", "Which version is to be the key's")
        .choices(["local", "remote", "both"])
        .makeOptionMandatory(),
    )
    .option("--copy <path>", COPY)
    .option("--if-local <fingerprint>", "Only if the local value is still this one, as kvsync conflicts show tells it")
    .option("--if-remote <fingerprint>", "Only if the remote value is still this one; none: only if there is none")
    .option("--all", "Every key of the mapping that is in conflict, and every copy")
    .option("--yes", "With --all: do not ask")
    .action((mapping: string, key: string | undefined, options: ResolveOptions) =>
      start((context) => withPort(context, mapping, (port) => resolve(context, port, { mapping, key }, options))),
    );
}

async function withPort<T>(
  context: Context,
  mapping: string | undefined,
  work: (port: ConflictPort) => Promise<T>,
): Promise<T> {
  if (mapping !== undefined) await checkMappingName(context, mapping);
  const port = await openConflictPort(context, await context.stateDir());
  try {
    return await work(port);
  } finally {
    await port.close();
  }
}

async function list(
  context: Context,
  port: ConflictPort,
  mapping: string | undefined,
  isFailure: boolean,
): Promise<ExitCode> {
  const { clock, output } = context;
  const { conflicts, more } = await port.list(mapping);
  const now = clock.now();
  for (const conflict of conflicts) {
    output.event({ type: "conflict", ...conflict });
    output.line(renderConflict(conflict, now, output.stdout));
  }
  if (more > 0) output.line(`... and ${count(more)} more`);
  const waiting = conflicts.filter(({ kind }) => kind === "waiting").length;
  const [first] = conflicts;
  if (first === undefined) output.note("there is no conflict");
  else output.note(`to see both versions, and how to keep one of them or both: ${showCommand(first)}`);
  const copies = conflicts.length - waiting;
  output.event({ type: "summary", command: "conflicts list", mapping, waiting, copies, more });
  if (!isFailure || conflicts.length + more === 0) return EXIT.done;
  context.keepFailure(new AppError("conflicts", `${counted(conflicts.length + more, "conflict")} to be decided`));
  return EXIT.conflicts;
}

async function show(
  context: Context,
  port: ConflictPort,
  mapping: string,
  asked: { readonly key: string; readonly copy: string | undefined },
): Promise<void> {
  const { clock, output } = context;
  const view = await port.show(mapping, asked);
  const { key, local, remote, localValue, remoteValue } = view;
  const names = sideNames(view);
  const now = clock.now();
  output.line(renderConflict(view, now, output.stdout));
  for (const line of [...renderSide(names.local, local, now), ...renderSide(names.remote, remote, now)])
    output.line(line);
  const before = textOf(localValue, local);
  const after = textOf(remoteValue, remote);
  if (before === undefined || after === undefined)
    output.line("  the values are no text, or too long to be compared line by line");
  else if (!output.json) {
    const compared = { key, before, after, names: { before: names.local, after: names.remote } };
    await tellContentDiff(output, compared, "source");
  }
  for (const line of renderChoices(view)) output.line(line);
  output.event({ type: "conflict", ...view });
  output.event({ type: "summary", command: "conflicts show", mapping, key });
}

async function resolve(
  context: Context,
  port: ConflictPort,
  { mapping, key }: { readonly mapping: string; readonly key: string | undefined },
  { keep, copy, ifLocal, ifRemote, all = false, yes = false }: ResolveOptions,
): Promise<ExitCode> {
  const { output } = context;
  checkOptions(key, { all, isOne: [copy, ifLocal, ifRemote].some((given) => given !== undefined) });
  if (key === undefined) return resolveAll(context, port, { mapping, keep, isAsked: !yes });
  const resolved = await port.resolve(mapping, { key, copy, keep, local: ifLocal, remote: ifRemote });
  tellResolved(context, resolved);
  output.event({ type: "summary", command: "conflicts resolve", mapping, resolved: 1, failed: 0 });
  return port.hooks();
}

function checkOptions(
  key: string | undefined,
  { all, isOne }: { readonly all: boolean; readonly isOne: boolean },
): void {
  if (key === undefined && !all)
    throw new AppError("usage", "which key is meant is not said", {
      hint: "name it as kvsync conflicts list shows it; or --all for every key of the mapping",
    });
  if (key !== undefined && all) throw new AppError("usage", "--all goes with no key");
  if (all && isOne) throw new AppError("usage", "--all goes with none of --copy, --if-local and --if-remote");
}
