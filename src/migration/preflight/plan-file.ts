// A saved plan of a migration: what `--dry-run --plan FILE` has seen. A run with that file does it only if the world has not moved: the
// same namespaces by their ids, and a destination that holds what it held. That the source has changed meanwhile is told, and no
// reason to refuse: to carry it over is what the run is for. Of a value without a stamp a listing tells no more than its metadata and
// expiration, and a plan knows no more: what is overwritten is in the archive.

import { readFileSync, writeFileSync } from "node:fs";
import { ioError } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import type { Asked } from "../migration-record.ts";
import type { MigrationPlan, PlannedNamespace } from "./migration-plan.ts";

interface PlanFile {
  readonly kvsync: "migration-plan";
  readonly version: 1;
  readonly created: string;
  readonly asked: Asked;
  readonly namespaces: readonly SavedNamespace[];
  readonly estimate: MigrationPlan["estimate"];
  readonly findings: MigrationPlan["findings"];
}

interface SavedNamespace {
  readonly source: { readonly id: string; readonly title: string; readonly keys: number; readonly listing: string };
  readonly destination: {
    readonly id: string | null;
    readonly title: string;
    readonly keys: number;
    readonly listing: string;
  };
  readonly writes: number;
}

/** Throws AppError "io". */
export function writePlanFile(path: string, created: string, asked: Asked, plan: MigrationPlan): void {
  const { estimate, findings, namespaces } = plan;
  const file: PlanFile = {
    kvsync: "migration-plan",
    version: 1,
    created,
    asked,
    namespaces: namespaces.map(savedOf),
    estimate,
    findings,
  };
  try {
    writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw ioError(error, `could not write ${visible(path)}`);
  }
}

/** Returns what has changed at the source since, a line each. Throws AppError "plan-outdated" if the world has moved, "usage" if the file
 * is no plan of a migration. */
export function checkPlanFile(path: string, asked: Asked, { namespaces }: MigrationPlan): readonly string[] {
  const saved = readPlanFile(path);
  if (JSON.stringify(identityOf(saved.asked)) !== JSON.stringify(identityOf(asked)))
    throw outdated(path, "it is about other accounts, namespaces, keys or names than this command");
  const now = namespaces.map(savedOf);
  const found = new Map(now.map((one) => [one.source.id, one]));
  const news: string[] = [];
  for (const before of saved.namespaces) {
    const one = found.get(before.source.id);
    found.delete(before.source.id);
    const title = visible(before.source.title);
    if (one === undefined)
      throw outdated(path, `the source has no namespace "${title}" (${before.source.id}) any more`);
    if (one.destination.id !== before.destination.id)
      throw outdated(path, `the destination of "${title}" is another namespace than it was`);
    if (one.destination.listing !== before.destination.listing)
      throw outdated(path, `the destination of "${title}" does not hold what it held`);
    if (one.source.listing !== before.source.listing)
      news.push(
        `"${title}" has changed at the source since the plan was made: ${before.source.keys} keys then, ${one.source.keys} now`,
      );
  }
  const [added] = found.values();
  if (added !== undefined)
    throw outdated(path, `the source has a namespace that is not in it: "${visible(added.source.title)}"`);
  return news;
}

function savedOf({ record, pass }: PlannedNamespace): SavedNamespace {
  const { source, destination } = record;
  return {
    source: { id: source.id, title: source.title, keys: pass.source.keys, listing: pass.source.digest },
    destination: {
      id: destination.id,
      title: destination.title,
      keys: pass.destination.keys,
      listing: pass.destination.digest,
    },
    writes: pass.writes,
  };
}

function identityOf({ source, destination, ...asked }: Asked): unknown {
  return [source.api, source.accountId, destination.api, destination.accountId, asked];
}

function readPlanFile(path: string): PlanFile {
  const refused = (cause?: unknown): AppError =>
    new AppError("usage", `${visible(path)} is no plan of a migration`, {
      hint: "make one: kvsync migrate ... --dry-run --plan FILE",
      cause,
    });
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as Json;
    if (!isJsonObject(file) || file["kvsync"] !== "migration-plan" || file["version"] !== 1) throw refused();
    return file as unknown as PlanFile;
  } catch (error) {
    if (error instanceof SyntaxError) throw refused(error);
    if (error instanceof Error && "syscall" in error) throw ioError(error, `could not read ${visible(path)}`);
    throw error;
  }
}

function outdated(path: string, why: string): AppError {
  return new AppError("plan-outdated", `the plan ${visible(path)} no longer fits, and nothing was changed: ${why}`, {
    hint: "make it again: add --dry-run; and look at it before you go on",
  });
}
