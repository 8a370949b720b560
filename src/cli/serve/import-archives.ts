// `kvsync serve --import`: before the server listens, the namespaces of some archives are there. One whose title is there already is left
// alone, whatever is in it, so that a server can be started with the same options for ever.
//
// All archives are read through and checked before the first namespace is made. Each is filled under a title of kvsync's own
// (claimed-namespace.ts), and gets its title when all of it is there: what is killed on the way leaves nothing that looks whole.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrivateAccount } from "../../accounts/private-account.ts";
import { type EpochSeconds, toEpochSeconds } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { countedKeys } from "../../core/guards.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../../core/limits.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import { shellWord } from "../../core/shell-word.ts";
import type { RoundResult } from "../../engine/round-request.ts";
import type { NamespaceId } from "../../kv/kv-api.ts";
import { fillNamespace } from "../../mapping/fill-namespace.ts";
import { openArchiveFile } from "../../mapping/open-location.ts";
import { NO_ALLOWANCES } from "../../replica/archive/check-archive.ts";
import type { OpenArchive } from "../../replica/archive/archive-replica.ts";
import { withoutExpired } from "../../replica/archive/without-expired.ts";
import { openNamespaceReplica } from "../../replica/namespace/namespace-replica.ts";
import { isAccountId } from "../../server/route.ts";
import type { Store } from "../../server/store/store.ts";
import type { Context } from "../context.ts";
import { openWholeFile } from "../input/whole-file.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { type AskedImport, askedImports } from "./asked-imports.ts";
import { type Claim, claimNamespace, titlesOf } from "./claimed-namespace.ts";

export interface Imports {
  /** Stays the caller's. */
  readonly store: Store;
  /** What the namespaces are of. */
  readonly account: string;
  /** As they are typed after --import. */
  readonly given: readonly string[];
}

/** Throws AppError: "usage", "archive-refused", "incomplete" for keys that could not be written, and what the store and the archives fail
 * with. */
export async function importArchives(context: Context, { store, account, given }: Imports): Promise<void> {
  if (!isAccountId(account))
    throw new AppError("usage", `--import-account: "${visible(account)}" is no id of an account`, {
      hint: "an id has 1 to 32 letters, digits, - and _",
    });
  const importing: Importing = { context, store, account };
  const missing: AskedImport[] = [];
  const asks = askedImports(given, context.cwd);
  const there = await titlesOf({ store, account });
  for (const asked of asks) {
    if (there.has(asked.title)) leaveAlone(context, asked);
    else missing.push(asked);
  }
  const opened: OpenImport[] = [];
  try {
    for (const asked of missing) opened.push(await openImport(context, asked));
    for (const each of opened) await importOne(importing, each);
  } finally {
    for (const each of opened) await each.close();
  }
}

interface Importing extends Omit<Imports, "given"> {
  readonly context: Context;
}

interface OpenImport extends AskedImport {
  readonly archive: OpenArchive;
  close(): Promise<void>;
}

async function openImport(context: Context, asked: AskedImport): Promise<OpenImport> {
  const { clock, signal, output } = context;
  const whole = await openWholeFile(context, asked.file);
  try {
    const { path, name: label } = whole;
    const archive = await openArchiveFile({ clock, path, label, allowed: NO_ALLOWANCES, signal });
    for (const warning of archive.warnings) output.warn(`  ${warning}`);
    return {
      ...asked,
      file: label,
      archive,
      async close() {
        await archive.replica.close();
        whole.close();
      },
    };
  } catch (error) {
    whole.close();
    throw error instanceof AppError && error.code === "archive-refused" ? refusedHere(error, asked) : error;
  }
}

/** A server takes no archive that is not as it was written: that is for `kvsync import`, whose options the hint names. */
function refusedHere(error: AppError, asked: AskedImport): AppError {
  const hint = (error.hint ?? "").replace(/add (--[a-z]+)/, (_, option: string) => importHint(asked, option));
  return new AppError(error.code, error.message, { hint, cause: error });
}

function importHint({ file, title }: AskedImport, option?: string): string {
  const command = ["kvsync import", shellWord(file), shellWord(`ACCOUNT:${title}`), option].filter(Boolean).join(" ");
  return `start the server without it, and type: ${command}`;
}

async function importOne(importing: Importing, asked: OpenImport): Promise<void> {
  const { context, store, account } = importing;
  const { clock, output, signal } = context;
  const { title } = asked;
  const onWaiting = (): void =>
    output.note(
      `another server is filling the namespace "${visible(title)}", or has died while it did: waiting for it`,
    );
  for (;;) {
    const claimed = await claimNamespace({ clock, store, account, signal, onWaiting }, title);
    if (claimed.kind === "there") return leaveAlone(context, asked);
    if (await fillClaimed(importing, asked, claimed.claim)) return;
  }
}

/** False: somebody else has it now. */
async function fillClaimed(importing: Importing, asked: OpenImport, claim: Claim): Promise<boolean> {
  const { context } = importing;
  const { clock, output } = context;
  const startedAt = clock.monotonic();
  try {
    const { result, expired } = await fill(importing, asked, claim).catch(async (error: unknown) => {
      if (context.signal.aborted || (await claim.isHeld())) throw error;
      return { result: undefined, expired: 0 };
    });
    if (result === undefined) return false;
    if (result.failed > 0) {
      await claim.drop();
      throw incomplete(asked, result);
    }
    if (!(await claim.finish())) return false;
    const { title, file } = asked;
    const { written, unchanged, bytes } = result;
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const keys = written + unchanged;
    output.event({ type: "imported", namespace: title, id: claim.id, file, keys, expired, bytes, durationMs });
    tell(
      output,
      `imported ${visible(file)} as the namespace "${visible(title)}": ${counted(keys, "key")}, ${renderByteCount(bytes)}, ${renderDuration(durationMs)}`,
    );
    return true;
  } finally {
    await claim.release();
  }
}

/** One value of the largest size: the server shares the memory of this process. */
const READ_BYTES_MAX = 32_000_000;

async function fill(
  { context, account }: Importing,
  { title, archive }: OpenImport,
  claim: Claim,
): Promise<{ readonly result: RoundResult; readonly expired: number }> {
  const { clock, signal } = context;
  const folder = mkdtempSync(join(tmpdir(), "kvsync-import-"));
  const progress = context.openProgress(title);
  const problems = openShownProblems(context);
  try {
    const own = await openPrivateAccount(clock, { database: claim.store, accountId: account });
    const { api, pace } = own;
    try {
      const until = (toEpochSeconds(clock.now()) + EXPIRATION_AHEAD_SECONDS_MIN) as EpochSeconds;
      const current = withoutExpired(archive.replica, until);
      const result = await fillNamespace(
        { clock, folder },
        {
          source: current.replica,
          namespace: openNamespaceReplica({
            clock,
            api,
            namespaceId: claim.id as NamespaceId,
            pace,
            readBytesMax: READ_BYTES_MAX,
            label: title,
          }),
          signal,
          onProblem: problems.tell,
          onWritten: ({ keys, keysTotal, bytes }) =>
            progress.update({ phase: "importing", done: keys, total: keysTotal, bytes }),
        },
      );
      return { result, expired: current.skipped() };
    } finally {
      await own.close();
    }
  } finally {
    problems.finish();
    progress.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function incomplete(asked: AskedImport, { failed }: RoundResult): AppError {
  const message = `${countedKeys(failed)} of ${visible(asked.file)} could not be written, and nothing of it was kept`;
  return new AppError("incomplete", message, { hint: `to take the others, ${importHint(asked)}` });
}

function leaveAlone({ output }: Context, { title, file }: AskedImport): void {
  output.event({ type: "left-alone", namespace: title, file });
  tell(output, `the namespace "${visible(title)}" is there already: ${visible(file)} was not imported`);
}

/** For people: programs have the event. */
function tell(output: Context["output"], line: string): void {
  if (!output.json) output.note(line);
}
