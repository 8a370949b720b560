// What `kvsync doctor` finds out about those who are told when a person should look: whether what it takes is there, and whether the last notice
// arrived. Nothing is sent: that is for `kvsync notify test`.

import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { NotifyConfig } from "../../config/config.ts";
import { readTextFile } from "../../config/read-file.ts";
import { readSecret } from "../../config/secret.ts";
import type { EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { type Check, fail, ok } from "./check.ts";
import type { Undelivered } from "../../notices/notice-status.ts";

export interface NoticeCheckDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where programs run. */
  readonly folder: string;
  readonly now: EpochMs;
}

export function* checkNotices(
  target: NotifyConfig,
  undelivered: Undelivered | undefined,
  { env, folder, now }: NoticeCheckDeps,
): Generator<Check> {
  const subject = `notices to ${target.name}`;
  const { to } = target;
  if (to.kind === "program") yield checkProgram(subject, to.run[0] ?? "", env["PATH"] ?? "", folder);
  else {
    try {
      if (to.secret !== undefined)
        readSecret(to.secret, "their secret", readTextFile, "secret: ${KVSYNC_WEBHOOK_SECRET}");
      yield ok(subject, `go to ${to.host}, ${to.secret === undefined ? "and are not signed" : "signed"}`);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      yield fail(subject, error.message, error.hint ?? "check secret_file");
    }
  }
  if (undelivered === undefined) return;
  const age = renderDuration(Math.max(0, now - undelivered.since));
  yield fail(
    subject,
    `the last one could not be delivered, for ${age}: ${visible(undelivered.reason)}`,
    undelivered.hint ?? `try it with kvsync notify test ${target.name}`,
  );
}

function checkProgram(subject: string, program: string, path: string, folder: string): Check {
  const shown = visible(program);
  // As execvp(3) looks for it: what has a slash in it is a path.
  const places = isAbsolute(program)
    ? [program]
    : program.includes("/")
      ? [resolve(folder, program)]
      : path.split(delimiter).map((place) => join(place, program));
  if (places.some(isExecutable)) return ok(subject, `run ${shown}`);
  return fail(subject, `there is no program ${shown} that could be run`, "check run: in the config, and its mode");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    return false;
  }
}
