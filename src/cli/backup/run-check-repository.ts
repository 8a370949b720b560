// A check of a repository from the command line: each fault with the snapshots and keys that it is about.

import { type CheckFault, checkRepository, type RepositoryCheck } from "../../backup/check/check-repository.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { count } from "../render/progress.ts";
import { shellWord } from "../render/render-held.ts";
import { openUsedRepository } from "./open-repository.ts";
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
    tellSummary(context, text, found);
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
      garbage: found.garbage ?? null,
      durationMs: Math.round(clock.monotonic() - startedAt),
    });
    if (found.faults.length === 0) return EXIT.done;
    const faults = `${count(found.faults.length)} ${found.faults.length === 1 ? "fault" : "faults"}`;
    context.keepFailure(new AppError("repository-damaged", `${visible(text)} is damaged: ${faults}`));
    return EXIT.failed;
  } finally {
    await used.close();
  }
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
    const what = keys === 0 ? "" : `  ${count(keys)} ${keys === 1 ? "key" : "keys"}: ${named}${more}`;
    output.line(
      `    ${shortId(snapshot.id)}  ${snapshot.created.slice(0, 19)}Z  ${visible(snapshot.source.label)}${what}`,
    );
  }
}

function tellSummary({ output }: Context, text: string, found: RepositoryCheck): void {
  const { snapshots, incomplete, packs, read, garbage, faults } = found;
  const of = `${count(snapshots)} ${snapshots === 1 ? "snapshot" : "snapshots"}${incomplete === 0 ? "" : ` (${count(incomplete)} not complete)`}`;
  const size = `${count(packs.packs)} packs (${renderByteCount(packs.bytes)})`;
  const verdict = faults.length === 0 ? "nothing is damaged" : `${count(faults.length)} faults`;
  output.report(`checked ${visible(text)}: ${of}, ${size}; ${verdict}`);
  if (read.packs === packs.packs) output.report("every byte was read");
  else if (read.packs > 0)
    output.report(`every byte of ${count(read.packs)} packs (${renderByteCount(read.bytes)}) was read`);
  else output.note(`bytes of values were not read: kvsync check ${shellWord(text)} --read-data does`);
  if (garbage !== undefined && garbage.bytes > 0)
    output.note(
      `${renderByteCount(garbage.bytes)} are garbage, and no damage: kvsync prune ${shellWord(text)} frees what it can`,
    );
}
