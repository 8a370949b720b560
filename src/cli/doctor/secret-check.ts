// What `kvsync doctor` tells about the files that a mapping would push: what is left out unless the config says otherwise, which
// of the rest have names that secrets are kept under, and which symbolic links stand in the way of a push.

import { existsSync } from "node:fs";
import type { MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { DEFAULT_EXCLUDES, looksSecret } from "../../core/default-excludes.ts";
import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import type { Problem } from "../../core/problem.ts";
import { openTreeReplica } from "../../replica/tree/tree-replica.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const NAMES_SHOWN_MAX = 5;

/** Nothing for a mapping that only pulls, or whose folder cannot be listed, which is told elsewhere. */
export async function* checkSecrets(clock: Clock, mapping: MappingConfig, signal: AbortSignal): AsyncGenerator<Check> {
  if (mapping.mode === "pull" || !existsSync(mapping.folder)) return;
  const subject = `mapping ${mapping.name}`;
  const { folder, names: scheme, prefix } = mapping;
  const tree = openTreeReplica({
    clock,
    root: folder,
    label: folder,
    names: scheme,
    prefix,
    filter: compileFilter(mapping),
    symlinks: mapping.symlinks,
    failsOnSkippedLinks: true,
  });
  const names: string[] = [];
  const links: Problem[] = [];
  let found = 0;
  const onProblem = (told: Problem): void => void (told.code === "not-a-file" && told.failure && links.push(told));
  try {
    for await (const page of tree.list({ signal, onProblem }))
      for (const { key } of page) {
        if (!looksSecret(key)) continue;
        found++;
        if (names.length < NAMES_SHOWN_MAX) names.push(visible(key));
      }
  } catch (error) {
    if (error instanceof AppError && error.code === "root-missing") return;
    throw error;
  } finally {
    await tree.close();
  }
  if (mapping.excludeDefaults) yield ok(subject, `leaves out ${DEFAULT_EXCLUDES.join(" ")}`);
  yield* linkChecks(subject, links, mapping);
  if (found === 0) return;
  const more = found > names.length ? `, and ${found - names.length} more` : "";
  yield warn(
    subject,
    `pushes files with names of secrets: ${names.join(", ")}${more}`,
    "whoever reads the namespace reads them; leave them out with exclude",
  );
}

/** `links`: what a listing said of those that make it fail. */
function* linkChecks(subject: string, links: readonly Problem[], { symlinks }: MappingConfig): Generator<Check> {
  for (const { subject: path, message } of links.slice(0, NAMES_SHOWN_MAX))
    yield fail(
      subject,
      `${visible(path)} ${message}`,
      symlinks === "skip" ? "symlinks: inside" : "mend or remove the link, or leave it out with exclude",
    );
  const more = links.length - NAMES_SHOWN_MAX;
  if (more > 0) yield fail(subject, `${more} more paths have such links`, "kvsync push --dry-run names all of them");
}
