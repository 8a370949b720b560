// One export: a location written to an archive, and what is said of it.
//
// An archive that lacks keys is written, and the command ends with exit code 3: all other keys are worth having. It takes its
// name if that was free. It does not take the place of an archive that is there, which may be the last complete one: then it
// stays beside it as NAME.part, unless --partial says otherwise.

import { count, counted } from "../../core/counted.ts";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import type { ByteCount } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { BackupFilter } from "../../backups/backup-filter.ts";
import { filterOf } from "../../backups/backup-source.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { openLocation, type OpenLocation } from "../../mapping/open-location.ts";
import { isArchiveName, parseLocation } from "../../mapping/location.ts";
import type { ArchiveSummary, SourceFacts } from "../../replica/archive/frame-lines.ts";
import { writeArchive } from "../../replica/archive/write-archive.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import type { GivenFilter } from "../input/key-filter.ts";
import { growHeapFreely } from "../process/launch.ts";
import { VERSION } from "../process/version.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { openArchiveOutput, type Target } from "./archive-output.ts";
import { type ExportFile, exportFailure } from "./export-file.ts";
import { locationDeps } from "./run-copy.ts";
import { tellEmpty } from "../../mapping/tell-empty.ts";
import { mendSnapshot } from "../backup/open-snapshot.ts";
import { viewSource } from "../../mapping/source-view.ts";

export interface Export {
  readonly filter: GivenFilter;
  readonly excludeDefaults: boolean;
  /** An empty source is a failure. */
  readonly failEmpty: boolean;
  /** An archive that lacks keys may take the place of one that is there. */
  readonly partial: boolean;
  /** That of the location, where it is known already. */
  readonly namespace?: Namespace;
  /** For a .json: it becomes several files, of at most so many bytes. */
  readonly splitBytes: ByteCount | undefined;
}

/** `file`: `-` is stdout. */
export async function runExport(context: Context, from: string, file: string, options: Export): Promise<ExitCode> {
  const target = targetOf(context, file, options);
  const config = await context.config();
  const filter = options.excludeDefaults ? compileFilter({ excludeDefaults: true }) : undefined;
  const opening = { mayCreate: false, mayLack: false, filter, namespace: options.namespace };
  const source = await openLocation(locationDeps(context, config), from, opening);
  try {
    if (target.path !== undefined) checkApart(source, target.path);
    return await writeOut(context, source, target, options);
  } catch (error) {
    throw exportFailure(error, file);
  } finally {
    await source.replica.close();
  }
}

function targetOf({ cwd, env }: Context, file: string, { splitBytes }: Export): Target {
  const location = isArchiveName(file)
    ? parseLocation(file, { cwd, home: env["HOME"], isRepository: () => false })
    : undefined;
  const format = location?.kind === "archive" ? location.format : "ndjson";
  if (splitBytes !== undefined && format !== "json") {
    throw new AppError("usage", "--split is for a .json, which wrangler reads as a whole", {
      hint: "leave it out: an archive of another kind is read line by line, whatever its size",
    });
  }
  if (location?.kind === "archive") return { name: file, path: location.path, format, splitBytes };
  if (file === "-") return { name: "stdout", path: undefined, format, splitBytes };
  throw new AppError("usage", `"${visible(file)}" does not say what kind of archive it is to be`, {
    hint: "end its name in .ndjson.zst, .ndjson.gz, .ndjson or .json, or write - for stdout",
  });
}

/** An archive in the folder that it is made of would be a key of it. */
function checkApart({ replica, identity }: OpenLocation, path: string): void {
  if (replica.kind !== "tree") return;
  const { folder } = identity as { readonly folder: string };
  const way = relative(realpathSync(folder), join(realpathSync(dirname(path)), basename(path)));
  if (way.startsWith("../") || way.startsWith("/")) return;
  throw new AppError("usage", `${visible(path)} lies in the folder that it is to be an archive of`, {
    hint: "name a file outside it",
  });
}

async function writeOut(context: Context, source: OpenLocation, target: Target, options: Export): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const { name, path, format } = target;
  const startedAt = clock.monotonic();
  const requests = countRequests([source.api]);
  for (const warning of source.warnings) output.warn(`  ${warning}`);
  if (source.replica.kind === "namespace") growHeapFreely();
  const progress = context.openProgress(visible(name));
  // With the archive on stdout, a problem must not be told there.
  const shown = openShownProblems(path === undefined ? { ...context, output: { ...output, json: false } } : context);
  const scratch = mkdtempSync(join(tmpdir(), "kvsync-export-"));
  const { isManaged } = options.filter;
  let written: ExportFile | undefined;
  try {
    const out = openArchiveOutput(target, output);
    const { sink, writer } = out;
    written = out.file;
    let end: ArchiveSummary;
    try {
      end = await writeArchive({
        clock,
        source: viewSource(source, clock, { isManaged, excludeDefaults: options.excludeDefaults }),
        header: {
          created: new Date(clock.now()).toISOString(),
          by: `kvsync ${VERSION}`,
          source: factsOf(source),
          filter: filterOf(source, options.filter, options.excludeDefaults),
        },
        writer,
        // Where the archive goes there is room for its bytes; a folder for temporary files may have little.
        scratchPath: written?.isReplaced === true ? `${written.partPath}.lines` : join(scratch, "lines"),
        signal,
        onProblem: (problem) => shown.tell(problem),
        onProgress: (done, total, bytes) =>
          progress.update({ phase: "exporting", done, total, bytes, requests: requests()?.total }),
      });
      if (end.entries === 0 && end.complete && options.failEmpty) throw await emptySource(source, options.filter);
      await sink.end();
    } finally {
      await sink.abort();
    }
    // A .json cannot say that it is not complete.
    const isHeldBack = !end.complete && (written?.replaces === true || format === "json") && !options.partial;
    if (isHeldBack) written?.keepPart();
    else written?.commit();
    progress.close();
    shown.finish();
    const durationMs = Math.round(clock.monotonic() - startedAt);
    for (const warning of out.warnings()) output.warn(`  ${output.stderr.yellow("warning")} ${warning}`);
    tellEnd(context, { source, name, path, end, files: out.files(), durationMs, requests: requests() });
    if (end.complete) return EXIT.done;
    const files = out.files();
    const keptAt = isHeldBack
      ? `${written?.partPath}${files > 1 ? ` and ${counted(files - 1, "more part")}` : ""}`
      : undefined;
    context.keepFailure(tellLack(context, target, { source, end, keptAt, replaces: written?.replaces === true }));
    return EXIT.incomplete;
  } finally {
    progress.close();
    written?.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function factsOf({ replica, account, namespace, jurisdiction, place, identity }: OpenLocation): SourceFacts {
  if (place === undefined) return identity as SourceFacts;
  return {
    account: account ?? null,
    title: namespace ?? null,
    jurisdiction: jurisdiction ?? null,
    ...(place as unknown as SourceFacts),
    label: replica.label,
  };
}

async function emptySource(source: OpenLocation, { record }: BackupFilter): Promise<AppError> {
  const { message, hint } = await tellEmpty(source, record !== null);
  return new AppError("source-empty", `${message}: nothing was exported`, {
    hint: `${hint}; if it may be empty, add --no-fail-empty`,
  });
}

interface Ended {
  readonly source: OpenLocation;
  readonly name: string;
  readonly path: string | undefined;
  readonly end: ArchiveSummary;
  readonly files: number;
  readonly durationMs: number;
  readonly requests: ReturnType<ReturnType<typeof countRequests>>;
}

function tellEnd({ output }: Context, { source, name, path, end, files, durationMs, requests }: Ended): void {
  const { entries, bytes, problems, complete, root } = end;
  const parts = [counted(entries, "entry", "entries"), renderByteCount(bytes)];
  if (files > 1) parts.push(`${count(files)} files`);
  if (problems > 0) parts.push(`${count(problems)} failed`);
  if (requests !== undefined) parts.push(counted(requests.total, "request"));
  const text = `${visible(source.replica.label)} -> ${visible(name)}: ${parts.join(", ")}, ${renderDuration(durationMs)}`;
  const record = {
    type: "summary",
    command: "export",
    account: source.account,
    namespace: source.namespace,
    file: name,
    ...(files > 1 && { files }),
    written: entries,
    failed: problems,
    complete,
    bytes,
    root,
    bytesUp: requests?.bytesUp ?? 0,
    bytesDown: requests?.bytesDown ?? 0,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs,
  };
  if (path === undefined) {
    if (output.json) output.warn(text, record);
    else output.note(text);
    return;
  }
  output.event(record);
  output.report(text);
}

interface Lack {
  readonly source: OpenLocation;
  readonly end: ArchiveSummary;
  /** The archive did not get its name. */
  readonly keptAt: string | undefined;
  readonly replaces: boolean;
}

function tellLack({ output }: Context, { name, format }: Target, { source, end, keptAt, replaces }: Lack): AppError {
  const why = end.problems === 0 ? "its source is not" : `${counted(end.problems, "key")} could not be read`;
  const lacks = `${visible(name)} is not complete: ${why}`;
  const where =
    keptAt === undefined
      ? `${lacks}. ${format === "json" ? "The file itself does not say so." : "kvsync import takes it with --partial only."}`
      : `${lacks}. ${replaces ? "What was there under this name is kept, and the new archive is" : "A .json cannot say so itself, so it is"} ${visible(keptAt)}. To ${replaces ? "replace it" : "give it its name"} all the same, add --partial.`;
  const hint = source.snapshot && mendSnapshot(source.snapshot);
  if (!output.json) output.warn(`  ${where}${hint === undefined ? "" : `\n  ${output.stderr.bold("hint:")} ${hint}`}`);
  return new AppError("incomplete", where, { ...(hint !== undefined && { hint }) });
}
