// kvsync find: the versions of a key, or of all keys that match, in the snapshots of a repository.

import { counted } from "../../core/counted.ts";
import type { Command } from "commander";
import type { UsedRepository } from "../../backups/used-repository.ts";
import type { StoredSnapshot } from "../../backup/repository/repository.ts";
import { timeSnapshots } from "../../backup/repository/snapshot-times.ts";
import { walkSnapshots } from "../../backup/repository/snapshots.ts";
import { sourceKey } from "../../backup/retention/decide-retention.ts";
import { findVersions, type VersionChange, type WantedKeys } from "../../backup/snapshot/find-versions.ts";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileMatcher } from "../../core/filter.ts";
import { renderByteCount } from "../../core/units.ts";
import { openUsedRepository } from "../backup/open-repository.ts";
import { shortId } from "../backup/short-id.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { parseKeyArgument } from "../input/key-argument.ts";
import { parseTyped } from "../input/typed-pattern.ts";
import { shellWord } from "../../core/shell-word.ts";

export function define(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .argument("<key>", "A key, or a pattern as in .gitignore if it has one of * ? [ in it (\\* is a plain *)")
    .action((repository: string, key: string) => start((context) => find(context, repository, key)));
}

async function find(context: Context, text: string, pattern: string): Promise<ExitCode> {
  const { output, clock } = context;
  const startedAt = clock.monotonic();
  const wanted = parseWanted(pattern);
  const used = await openUsedRepository(context, text);
  try {
    const { sources, problems } = await snapshotsBySource(context, used);
    // Read afterwards, it has all that the snapshots need.
    const reader = await used.reader();
    let [versions, damaged] = [0, problems];
    for (const snapshots of sources) {
      const onDamage = (snapshot: StoredSnapshot, message: string): void => {
        damaged++;
        output.warn(`  ${output.stderr.red("!")} ${shortId(snapshot.id)}: ${visible(message)}`);
      };
      for await (const change of findVersions(snapshots, { wanted, reader, onDamage })) {
        if (change.entry !== undefined) versions++;
        tell(context, change);
      }
    }
    const durationMs = Math.round(clock.monotonic() - startedAt);
    output.event({ type: "summary", command: "find", repository: text, versions, failed: damaged, durationMs });
    if (damaged > 0) {
      context.keepFailure(
        new AppError(
          "incomplete",
          `${counted(damaged, "snapshot or page", "snapshots or pages")} cannot be read: there may be more`,
        ),
      );
      return EXIT.incomplete;
    }
    if (versions > 0) return EXIT.done;
    const newest = sources.flatMap((snapshots) => snapshots.at(-1) ?? []).at(-1);
    throw new AppError("key-not-found", `no snapshot in ${visible(text)} has ${describe(wanted, pattern)}`, {
      hint:
        newest === undefined
          ? `it has no snapshots yet: kvsync backup ACCOUNT:NAMESPACE ${shellWord(text)}`
          : `see the keys of one: kvsync ls ${shellWord(`${text}@${shortId(newest.id)}`)}`,
    });
  } finally {
    await used.close();
  }
}

function parseWanted(text: string): WantedKeys {
  return /[*?[]/.test(text) ? { matches: parseTyped(() => compileMatcher(text)) } : { key: parseKeyArgument(text) };
}

function describe(wanted: WantedKeys, pattern: string): string {
  return "key" in wanted ? `a key "${visible(pattern)}"` : `a key that matches ${visible(pattern)}`;
}

/** The oldest first, by source. */
async function snapshotsBySource(
  { output, signal }: Context,
  { repository }: UsedRepository,
): Promise<{ readonly sources: readonly (readonly StoredSnapshot[])[]; readonly problems: number }> {
  const all: StoredSnapshot[] = [];
  let problems = 0;
  for await (const found of walkSnapshots(repository, { signal })) {
    if (found.kind === "snapshot") all.push(found.snapshot);
    else {
      problems++;
      output.warn(`  ${output.stderr.red("!")} ${visible(found.problem)}`);
    }
  }
  const inOrder = timeSnapshots(all, await repository.store.now({ signal })).map(({ snapshot }) => snapshot);
  return { sources: [...Map.groupBy(inOrder, sourceKey).values()], problems };
}

function tell({ output }: Context, { snapshot, key, entry }: VersionChange): void {
  const { id, created, source } = snapshot;
  const shared = { key, snapshot: id, created, source: source.label };
  const when = `${shortId(id)}  ${created.slice(0, 19).replace("T", " ")}Z  ${visible(source.label)}  ${visible(key)}`;
  if (entry === undefined) {
    output.event({ type: "gone", ...shared });
    output.line(`${when}  is gone`);
    return;
  }
  const { sha256, size, binary, expiration, metadata } = entry;
  output.event({
    type: "version",
    ...shared,
    sha256,
    size,
    binary,
    expiration,
    ...(metadata !== undefined && { metadata: JSON.parse(metadata) as unknown }),
  });
  output.line(`${when}  ${renderByteCount(size)}, sha256 ${sha256.slice(0, 12)}`);
}
