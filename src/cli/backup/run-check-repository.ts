// A check of a repository from the command line: each fault with the snapshots and keys that it is about.

import { count, counted } from "../../core/counted.ts";
import { type CheckFault, checkRepository, type RepositoryCheck } from "../../backup/check/check-repository.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { openUsedRepository } from "./open-repository.ts";
import { requestsTo } from "./requests-to.ts";
import { shortId } from "./short-id.ts";

export async function runCheckRepository(context: Context, text: string, readShare: number): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const used = await openUsedRepository(context, text);
  try {
    const progress = context.openProgress(text);
    const found = await checkRepository(used.repository, {
      clock,
      readShare,
      signal,
      onStep: ({ kind, done, total }) =>
        progress.update({ phase: "checking", unit: kind === "packs" ? "packs" : "pages of snapshots", done, total }),
    }).finally(() => progress.close());
    for (const fault of found.faults) tellFault(context, fault);
    for (const message of found.remarks) {
      output.event({ type: "remark", message });
      output.line(visible(message));
    }
    tellSummary(context, text, found, used.storeRequests());
    output.event({
      type: "summary",
      command: "check",
      repository: text,
      snapshots: found.snapshots,
      incomplete: found.incomplete,
      pages: found.pages,
      packs: found.packs.packs,
      bytes: found.packs.bytes,
      packsRead: found.read.packs,
      bytesRead: found.read.bytes,
      faults: found.faults.length,
      remarks: found.remarks.length,
      garbage: found.garbage ?? null,
      storeRequests: used.storeRequests() ?? null,
      durationMs: Math.round(clock.monotonic() - startedAt),
    });
    if (found.faults.length === 0) return EXIT.done;
    const hint = hintFor(text, found.faults);
    if (!output.json) output.warn(`  ${output.stderr.bold("hint:")} ${hint}`);
    const message = `${visible(text)} is damaged: ${counted(found.faults.length, "fault")}`;
    context.keepFailure(new AppError("repository-damaged", message, { hint }));
    return EXIT.failed;
  } finally {
    await used.close();
  }
}

/** What heals, as far as anything does. */
function hintFor(text: string, faults: readonly CheckFault[]): string {
  const repository = shellWord(text);
  const snapshots = faults.flatMap(({ snapshot }) => snapshot ?? []);
  if (snapshots.length === faults.length) {
    const which = snapshots.length === 1 ? "it" : "them";
    // Whether it is the last one of its source nobody can tell, so that forget asks for --force.
    const forget = `kvsync forget ${repository} ${snapshots.map(shortId).join(" ")} --force`;
    return `nothing mends a snapshot; if no copy of the repository has it, forget ${which}: ${forget}`;
  }
  const forget = `kvsync forget ${repository} ID`;
  return `type: kvsync repair index ${repository}; then back up again: what is lost is stored anew, as far as a source still has it. A snapshot that lacks keys even then has lost them; to forget it: ${forget}`;
}

function tellFault({ output }: Context, { message, affected }: CheckFault): void {
  output.event({
    type: "fault",
    message,
    affected: affected.map(({ snapshot, count: keys, keys: first }) => {
      const { id, created, source } = snapshot;
      return { snapshot: id, created, source: source.label, keys, first };
    }),
  });
  output.line(`${output.stdout.red("!")} ${visible(message)}`);
  for (const { snapshot, count: keys, keys: first } of affected) {
    const named = first.map((key) => visible(key)).join(", ");
    const more = keys > first.length && first.length > 0 && !named.startsWith("all ") ? ", ..." : "";
    const what = keys === 0 ? "" : `  ${counted(keys, "key")}: ${named}${more}`;
    output.line(
      `    ${shortId(snapshot.id)}  ${snapshot.created.slice(0, 19)}Z  ${visible(snapshot.source.label)}${what}`,
    );
  }
}

function tellSummary({ output }: Context, text: string, found: RepositoryCheck, sent: number | undefined): void {
  const { snapshots, incomplete, packs, read, garbage, faults } = found;
  const of = `${counted(snapshots, "snapshot")}${incomplete === 0 ? "" : ` (${count(incomplete)} not complete)`}`;
  const size = `${counted(packs.packs, "pack")} (${renderByteCount(packs.bytes)})`;
  const verdict = faults.length === 0 ? "nothing is damaged" : counted(faults.length, "fault");
  output.report(`checked ${visible(text)}: ${of}, ${size}; ${verdict}${requestsTo(sent)}`);
  if (read.packs === packs.packs) output.report("every byte was read");
  else if (read.packs > 0)
    output.report(`every byte of ${counted(read.packs, "pack")} (${renderByteCount(read.bytes)}) was read`);
  else output.note(`bytes of values were not read: kvsync check ${shellWord(text)} --read-data does`);
  if (garbage !== undefined && garbage.bytes > 0)
    output.note(
      `${renderByteCount(garbage.bytes)} are garbage, and no damage: kvsync prune ${shellWord(text)} frees what it can`,
    );
}
