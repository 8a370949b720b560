// kvsync trash restore MAPPING --at TIME: the files of a mapping as they were at a time, as far as the trash knows.

import { knownMappings } from "../../config/known-mappings.ts";
import type { MappingConfig } from "../../config/config.ts";
import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { TrashItem } from "../../journal/trash-index.ts";
import { planRestore, type RestorePlan } from "../../mapping/plan-restore.ts";
import {
  compareWithFolder,
  type ItemState,
  noSuchItem,
  refusePull,
  restoreItems,
} from "../../mapping/restore-items.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { checkMappingName } from "../input/check-mapping-name.ts";
import { parseMomentBefore } from "../input/time-argument.ts";
import { shownTime } from "../render/shown-time.ts";
import { askDaemon, withLockedJournal } from "./daemon-or-journal.ts";
import { lookAtJournal } from "./look-at-journal.ts";

export interface RestoreAtOptions {
  readonly prefix?: string;
  readonly key?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Of a long list so many are shown before the question. */
const SHOWN_MAX = 20;
/** Asked of the daemon at once. */
const ITEMS_AT_ONCE = 200;
/** Named to it at once: as many as a request has room for. */
const NEEDED_AT_ONCE = 3000;

export async function restoreAt(
  context: Context,
  name: string,
  options: RestoreAtOptions & { readonly at: string },
): Promise<ExitCode> {
  const { output, clock } = context;
  const { prefix = "", key, dryRun = false } = options;
  const at = parseMomentBefore("--at", options.at, clock.now());
  const mapping = await findMapping(context, name);
  refusePull(mapping);
  const stateDir = await context.stateDir();
  const isWanted = (each: string): boolean => each.startsWith(prefix) && (key === undefined || each === key);
  const plan: RestorePlan = lookAtJournal(context, stateDir, (journal) =>
    planRestore({ clock, journal, stateDir }, name, { at, isWanted }),
  ) ?? { items: [], later: 0, notKept: 0 };
  const compared = await compareWithFolder({ ...context, stateDir }, mapping, plan.items);
  const due = [...compared].filter(([, state]) => state !== "same");
  tellPlan(context, due, dryRun ? Infinity : SHOWN_MAX);
  const replaced = due.filter(([, state]) => state === "replaces").length;
  const what = `${counted(due.length, "file")} of mapping ${visible(name)} as of ${shownTime(at)}`;
  const left = describeLeft(plan, compared.size - due.length);
  const summary = (fields: object): void =>
    output.event({
      type: "summary",
      command: "trash restore",
      mapping: name,
      at: new Date(at).toISOString(),
      ...fields,
      unchanged: compared.size - due.length,
      later: plan.later,
      notKept: plan.notKept,
      ...(dryRun && { dryRun }),
    });
  if (due.length === 0 || dryRun) {
    output.report(due.length === 0 ? `nothing to restore${left}` : `would restore ${what}${left}`);
    summary({ written: due.length, failed: 0 });
    return EXIT.done;
  }
  if (options.yes !== true) {
    const kept =
      replaced === 0 ? "" : `; ${count(replaced)} of them replace another content, which is kept in the trash`;
    if (!(await context.confirm(`restore ${what}${kept}${left}?`, "add --yes to restore without being asked")))
      return declined(context);
  }
  const { written, failures } = await restoreAll(
    context,
    stateDir,
    mapping,
    due.map(([item]) => item),
  );
  for (const { item, error } of failures) tellFailed(context, item, error);
  output.report(`restored ${counted(written, "file")} of mapping ${visible(name)} as of ${shownTime(at)}${left}`);
  summary({ written, failed: failures.length });
  return failures.length === 0 ? EXIT.done : EXIT.incomplete;
}

/** Also one that `auto` finds. */
async function findMapping(context: Context, name: string): Promise<MappingConfig> {
  const mapping = knownMappings(await context.config()).find((known) => known.name === name);
  if (mapping !== undefined) return mapping;
  await checkMappingName(context, name);
  throw new AppError("usage", `there is no mapping "${visible(name)}"`);
}

type Due = readonly (readonly [TrashItem, ItemState | AppError])[];

function tellPlan({ output }: Context, due: Due, shownMax: number): void {
  for (const [item, state] of due) {
    const { id, key, size, savedAt } = item;
    const action = state instanceof AppError ? "fails" : state;
    output.event({ type: "restore", action, id, key, size, savedAt: new Date(savedAt).toISOString() });
  }
  for (const [{ id, key, size }, state] of due.slice(0, shownMax)) {
    const sign = state === "new" ? output.stdout.green("+") : state === "replaces" ? output.stdout.yellow("~") : "!";
    const why = state instanceof AppError ? `: ${state.message}` : `, number ${id}`;
    output.line(`  ${sign} ${visible(key)} (${renderByteCount(size)})${why}`);
  }
  if (due.length > shownMax) output.line(`  and ${count(due.length - shownMax)} more: --dry-run lists them all`);
}

function describeLeft({ later, notKept }: RestorePlan, unchanged: number): string {
  const parts = [
    ...(unchanged > 0 ? [`${count(unchanged)} as of then already`] : []),
    ...(later > 0 ? [`${count(later)} that came later`] : []),
    ...(notKept > 0 ? [`${count(notKept)} changed since, of which nothing was kept`] : []),
  ];
  return parts.length === 0 ? "" : `; others stay as they are: ${parts.join(", ")}`;
}

function declined({ output, keepFailure }: Context): ExitCode {
  output.note("nothing was restored");
  keepFailure(new AppError("failed", "the answer was no: nothing was restored"));
  return EXIT.failed;
}

interface Failed {
  readonly item: TrashItem;
  readonly error: { readonly message: string };
}

/** Through the daemon; where none runs, under the state lock. */
async function restoreAll(
  context: Context,
  stateDir: string,
  mapping: MappingConfig,
  items: readonly TrashItem[],
): Promise<{ readonly written: number; readonly failures: readonly Failed[] }> {
  const { output, clock, signal } = context;
  const progress = context.openProgress(mapping.name);
  const failures: Failed[] = [];
  let [written, done] = [0, 0];
  const take = (item: TrashItem, file: string, error: Failed["error"] | undefined): void => {
    progress.update({ phase: "restoring", done: ++done, total: items.length, unit: "files" });
    if (error !== undefined) failures.push({ item, error });
    else {
      written++;
      output.event({ type: "restored", id: item.id, key: item.key, file });
    }
  };
  const asked = await askDaemon(context, stateDir, async (client) => {
    const missing = new Set<number>();
    for (let from = 0; from < items.length; from += NEEDED_AT_ONCE) {
      const ids = items.slice(from, from + NEEDED_AT_ONCE).map(({ id }) => id);
      for (const id of (await client.call({ op: "trash-need", ids })).missing) missing.add(id);
    }
    for (const item of items.filter(({ id }) => missing.has(id))) take(item, "", noSuchItem(item.id));
    const there = items.filter(({ id }) => !missing.has(id));
    for (let from = 0; from < there.length; from += ITEMS_AT_ONCE) {
      const some = there.slice(from, from + ITEMS_AT_ONCE);
      const answer = await client.call({ op: "trash-restore-many", ids: some.map(({ id }) => id), replace: true });
      for (const [place, { file, error }] of answer.entries()) take(some[place]!, file, error ?? undefined);
    }
  });
  if (asked === undefined) {
    await withLockedJournal(context, stateDir, async (journal) => {
      for (let from = 0; from < items.length; from += ITEMS_AT_ONCE) {
        const some = items.slice(from, from + ITEMS_AT_ONCE);
        const restored = await restoreItems({ clock, journal, stateDir, signal }, mapping, some, { replace: true });
        for (const { item, file, outcome } of restored)
          take(item, file, outcome instanceof AppError ? outcome : undefined);
      }
    });
  }
  progress.close();
  return { written, failures };
}

function tellFailed({ output }: Context, { key }: TrashItem, { message }: Failed["error"]): void {
  output.warn(`  ${output.stderr.red("!")} ${visible(key)}: ${visible(message)}`, { type: "problem", key, message });
}
