// How a backup that runs by itself is written in a config file.

import * as v from "valibot";
import { parseRetentionRule, RETENTION_NAMES } from "../core/retention-rule.ts";
import { anyText, flag, group, oneOf, text, texts } from "./field.ts";
import { duration, hook } from "./shared-fields.ts";

const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;

/** The rules of `kvsync forget`, without their `--keep-` and with underscores: `last`, `daily`, `within_daily`, `tag`. */
const KEEP_NAMES: readonly string[] = RETENTION_NAMES.map((name) => name.slice("keep-".length).replaceAll("-", "_"));

/** The name of a rule as {@link parseRetentionRule} takes it. */
export function ruleNameOf(keepName: string): string {
  return `keep-${keepName.replaceAll("_", "-")}`;
}

function keepRule(name: string) {
  const isWithin = name.startsWith("within");
  const what = isWithin
    ? "the last years, months, days and hours, as in 2y5m7d3h (m is a month here)"
    : "a whole number, or unlimited";
  const [, period] = /(hourly|daily|weekly|monthly|yearly)$/.exec(name) ?? [];
  const each = period === undefined ? "" : `, the newest of each ${PERIODS[period]}`;
  const description =
    name === "tag"
      ? "Keep snapshots with this tag; a,b: with both."
      : `Keep ${isWithin ? `what is of ${what}` : `so many snapshots: ${what}`}${each}.`;
  return v.pipe(
    text(description),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const parsed = parseRetentionRule(ruleNameOf(name), dataset.value);
      if (parsed.kind === "fault") addIssue({ message: `is wrong: ${parsed.message}` });
    }),
  );
}

const PERIODS: Readonly<Record<string, string>> = {
  hourly: "hour",
  daily: "day",
  weekly: "week",
  monthly: "month",
  yearly: "year",
};

export const backup = group(
  "A backup that the daemon, and kvsync backup --all, make of namespaces and folders into a repository.",
  {
    sources: v.pipe(
      texts(
        "What is backed up: ACCOUNT:NAMESPACE, ACCOUNT:NAMESPACE/FOLDER/, ACCOUNT:* for all namespaces of an account, or a folder (./x is beside this file).",
      ),
      v.minLength(1, "must name what is backed up"),
    ),
    repository: text("Where it is kept: a name under repositories, a folder (./x), or s3://BUCKET/PREFIX."),
    every: v.optional(
      duration("Back up so often. What was missed while the daemon was off is made up for once.", 1000),
    ),
    at: v.optional(
      v.pipe(
        text(
          'Back up each day at this time, as "03:00". What was missed while the daemon was off is made up for once.',
        ),
        v.regex(TIME_OF_DAY, 'must be a time of the day, as in "03:00"'),
      ),
    ),
    timezone: v.optional(
      v.pipe(
        text(
          "The time zone of at, and of the days and months of keep, as Europe/Berlin. Default: that of the system (TZ of the environment).",
        ),
        v.check(isTimeZone, "is no time zone: write one as Europe/Berlin or UTC"),
      ),
    ),
    jitter: v.optional(
      duration("Begin up to so much later, by chance, so that not all machines begin at once. Default: 0s."),
    ),
    keep: v.optional(
      group(
        "Which of its snapshots are kept; the others are forgotten after each backup. A snapshot that any rule keeps is kept, and the last complete one always. Default: all.",
        Object.fromEntries(KEEP_NAMES.map((name) => [name, v.optional(keepRule(name))])),
      ),
    ),
    prune: v.optional(
      flag("Free the space of what was forgotten, once a day after a backup. Default: true where keep is given."),
    ),
    drill: v.optional(
      duration("Restore the newest snapshot of each source for a test, so often after a backup. Default: never.", 1000),
    ),
    tags: v.optional(texts("What its snapshots are tagged with, beside backup=NAME. Default: none.")),
    prefix: v.optional(
      anyText(
        "Only the keys in this folder: app is app/. With a * at the end, only the keys that begin with what is before it. Default: all.",
      ),
    ),
    include: v.optional(texts("Only keys that match, in gitignore syntax. Default: all.")),
    exclude: v.optional(texts("No keys that match, in gitignore syntax. Default: none.")),
    skip_if_unchanged: v.optional(
      flag("Make no snapshot where nothing has changed since the last one. Default: false."),
    ),
    encryption: v.optional(
      oneOf(
        "Of a repository that does not exist yet: passphrase (default): encrypted, and the passphrase must be there; none: whoever reads the store can read the values.",
        ["passphrase", "none"],
      ),
    ),
    on_backup_failure: v.optional(hook("when the backup failed, or lacks keys")),
    on_backup_success: v.optional(hook("when a complete backup was made")),
  },
);

export type RawBackup = v.InferOutput<typeof backup>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
