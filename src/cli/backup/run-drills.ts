// The drills of one command: which snapshots, one after the other, and what is said of each.

import { count, counted } from "../../core/counted.ts";
import { resolve } from "node:path";
import { findSnapshot } from "../../backup/repository/find-snapshot.ts";
import type { StoredSnapshot } from "../../backup/repository/repository.ts";
import { listSnapshots, notFound, readSnapshot } from "../../backup/repository/snapshots.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import { newestOfEach } from "../../drill/newest-of-each.ts";
import { drillSnapshot, type DrillReport } from "../../drill/drill-snapshot.ts";
import { drillParent } from "../../drill/drill-folder.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { keepHeapSmall } from "../process/launch.ts";
import { requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import type { UsedRepository } from "../../backups/used-repository.ts";
import { openUsedRepository } from "./open-repository.ts";
import { shellWord } from "../../core/shell-word.ts";
import { warnOf } from "./open-snapshot.ts";
import { shortId } from "./short-id.ts";

export interface DrillOptions {
  /** `latest`, a time or an id; undefined: the newest complete one of each source. */
  readonly snapshot: string | undefined;
  readonly namespace?: string;
  readonly folder?: string;
}

export async function runDrills(context: Context, text: string, options: DrillOptions): Promise<ExitCode> {
  // Client and server are both in this process, and what they hand each other dies at once.
  keepHeapSmall();
  const { stateDir } = await context.config();
  const folder = options.folder === undefined ? drillParent(stateDir) : resolve(context.cwd, options.folder);
  const used = await openUsedRepository(context, text);
  try {
    const { ids, code } = await chooseSnapshots(context, used, options);
    const codes = [code];
    for (const id of ids) codes.push(await drillOne(context, used, { id, folder, isOnly: ids.length === 1 }));
    return worstExitCode(codes);
  } finally {
    await used.close();
  }
}

/** `code`: of what there is no snapshot to drill. */
async function chooseSnapshots(
  context: Context,
  { repository, label }: UsedRepository,
  { snapshot, namespace }: DrillOptions,
): Promise<{ readonly ids: readonly string[]; readonly code: ExitCode }> {
  const { signal } = context;
  if (snapshot !== undefined) {
    const { id } = await findSnapshot(repository, snapshot, namespace, { signal, onWarning: warnOf(context) });
    return { ids: [id], code: EXIT.done };
  }
  const { snapshots, problems } = await listSnapshots(repository, { signal });
  const { newest, lacking } = newestOfEach(snapshots, { namespace, now: await repository.store.now({ signal }) });
  const failures = [...problems, ...lacking.map((source) => `${visible(source)} has no complete snapshot`)];
  for (const failure of failures) {
    context.tellFailure(
      new AppError("incomplete", failure, { hint: `see what is there: kvsync snapshots ${label}` }),
      label,
    );
  }
  if (newest.length === 0 && failures.length === 0) {
    throw notFound(
      repository,
      namespace === undefined ? "has no snapshots" : `has no snapshot of ${visible(namespace)}`,
    );
  }
  return { ids: newest.map(({ id }) => id), code: failures.length === 0 ? EXIT.done : EXIT.incomplete };
}

interface OneDrill {
  readonly id: string;
  readonly folder: string;
  readonly isOnly: boolean;
}

/** Of several, one that fails is told, and the others go on. */
async function drillOne(context: Context, used: UsedRepository, { id, folder, isOnly }: OneDrill): Promise<ExitCode> {
  const { clock, signal } = context;
  const label = `${used.label}@${shortId(id)}`;
  const shown = openShownProblems(context);
  const progress = context.openProgress(label);
  try {
    const snapshot = await readSnapshot(used.repository, id, { signal });
    tellBegin(context, label, snapshot);
    const report = await drillSnapshot(
      { clock, reader: await used.reader(), folder },
      {
        snapshot,
        label,
        signal,
        onFinding: (finding) => shown.tell(finding),
        onProgress: ({ phase, keys, keysTotal, bytes }) =>
          progress.update({ phase, done: keys, total: keysTotal, bytes }),
      },
    );
    progress.close();
    shown.finish();
    tellEnd(context, { used, label, snapshot }, report);
    return codeOf(context, label, used.label, report);
  } catch (error) {
    if (isOnly || !(error instanceof AppError) || signal.aborted) throw error;
    context.tellFailure(new AppError(error.code, `${visible(label)}: ${error.message}`, { cause: error }), label);
    return exitCodeOf(error);
  } finally {
    progress.close();
  }
}

function tellBegin(
  { output }: Context,
  label: string,
  { source, entries, bytes, complete, problems }: StoredSnapshot,
): void {
  const size = `${count(entries)} ${entries === 1 ? "key" : "keys"}, ${renderByteCount(bytes)}`;
  output.note(`${visible(label)} of ${visible(source.label)} (${size}): restoring into a server of its own`);
  if (complete) return;
  output.warn(`  this snapshot was not complete when it was made: it lacks ${counted(problems, "key")} of its source`);
}

interface Drilled {
  readonly used: UsedRepository;
  readonly label: string;
  readonly snapshot: StoredSnapshot;
}

function tellEnd({ output }: Context, { used, label, snapshot }: Drilled, report: DrillReport): void {
  const { verdict, equal, bytes, skipped, lost, different, root, requests } = report;
  const durationMs = Math.round(report.durationMs);
  output.event({
    type: "summary",
    command: "drill",
    account: snapshot.source.account,
    namespace: snapshot.source.title,
    source: snapshot.source.label,
    repository: used.label,
    snapshot: snapshot.id,
    complete: snapshot.complete,
    verdict,
    entries: snapshot.entries,
    equal,
    bytes,
    skipped,
    lost,
    different,
    failed: lost + different,
    root: snapshot.root,
    rootFound: root ?? null,
    bytesUp: requests.bytesUp,
    bytesDown: requests.bytesDown,
    requests: requestsRecord(requests),
    retries: requests.retries,
    durationMs,
  });
  const parts = [
    `${count(equal)} of ${counted(snapshot.entries, "key")} came back as they were`,
    renderByteCount(bytes),
  ];
  if (lost > 0) parts.push(`${count(lost)} did not come back`);
  if (different > 0) parts.push(`${count(different)} came back otherwise`);
  if (skipped > 0) parts.push(`${count(skipped)} have expired`);
  parts.push(rootWord(root, snapshot.root), renderDuration(durationMs));
  output.report(`${visible(label)} of ${visible(snapshot.source.label)}: ${VERDICTS[verdict]}: ${parts.join(", ")}`);
}

const VERDICTS: Readonly<Record<DrillReport["verdict"], string>> = {
  proven: "proven",
  incomplete: "not proven, keys are lost",
  different: "not proven, something differs",
};

function rootWord(found: string | undefined, stated: string): string {
  if (found === undefined) return "content root not checked";
  return found === stated ? `content root ${stated.slice(0, 12)} is right` : "content root is another";
}

function codeOf(
  context: Context,
  label: string,
  repository: string,
  { verdict, lost, different }: DrillReport,
): ExitCode {
  if (verdict === "proven") return EXIT.done;
  if (verdict === "different") return EXIT.different;
  const others = different > 0 ? `, and ${count(different)} came back otherwise` : "";
  const hint = `find what is damaged: kvsync check ${shellWord(repository)} --read-data`;
  context.keepFailure(
    new AppError("incomplete", `${visible(label)}: ${counted(lost, "key")} did not come back${others}`, { hint }),
  );
  return EXIT.incomplete;
}
