// How a config file is written: every key, its kind and what it is for. Validation, the JSON Schema for editors and
// the suggestions for mistyped keys all come from here. Defaults are not: see resolve-mapping.ts and resolve-account.ts.

import { DEFAULT_EXCLUDES } from "../core/default-excludes.ts";
import * as v from "valibot";
import { parseByteCount, parseRatio, type Parsed } from "../core/units.ts";
import { BUDGET_REQUESTS } from "../core/limits.ts";
import { backup } from "./backup-schema.ts";
import { notify } from "./notify-schema.ts";
import { repository } from "./repository-schema.ts";
import { anyText, flag, group, list, named, oneOf, quantity, text, texts, wholeNumber } from "./field.ts";
import { duration, hook } from "./shared-fields.ts";

const SIZE = /^\d+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
const RATIO = /^\d{1,3}(\.\d+)?%$/;

const budget = group("How many requests kvsync may send.", {
  requests: v.optional(
    wholeNumber(
      `Requests allowed in each window. Default: ${BUDGET_REQUESTS}, the limit of the API.`,
      1,
      1_000_000_000,
    ),
  ),
  per: v.optional(duration("The window. Default: 5m, that of the API.", 1000)),
  share: v.optional(
    quantity(
      "The part of the budget kvsync may spend; the rest is left to others who use the same account. Default: 80%.",
      parseShare,
      RATIO,
    ),
  ),
  polling: v.optional(
    quantity(
      "The part of kvsync's share that the daemon may spend on polling, which it does less often otherwise. Default: 50%.",
      parseShare,
      RATIO,
    ),
  ),
});

const account = group("A Cloudflare account, or what speaks its API.", {
  endpoint: v.optional(
    text(
      'Where the Workers KV REST API is, or "embedded" for one in this process with its data in state_dir. Default: https://api.cloudflare.com/client/v4.',
    ),
  ),
  account_id: v.optional(
    text("The account's id, as the dashboard shows it. Default, of an embedded account: its name."),
  ),
  api_token: v.optional(
    text(
      "An API token with the permission Workers KV Storage: Edit. Better taken from the environment: ${CLOUDFLARE_API_TOKEN}.",
    ),
  ),
  api_token_file: v.optional(text("A file that holds the API token, such as a systemd credential.")),
  email: v.optional(text("The e-mail address that belongs to a global API key.")),
  api_key: v.optional(text("A global API key (an API token is better).")),
  api_key_file: v.optional(text("A file that holds the global API key.")),
  budget: v.optional(budget),
  concurrency: v.optional(wholeNumber("Requests in flight at once. Default: as many as the budget can use.", 1, 256)),
  insecure: v.optional(flag("Send the token over plain http to another machine. Default: false.")),
});

const rule = group("What keys that match are given.", {
  match: text("Keys the rule is for, in gitignore syntax."),
  expiration_ttl: v.optional(duration("Let the keys expire this long after they are written; at least 60s.", 60_000)),
  metadata: v.optional(
    v.pipe(v.unknown(), v.description("Metadata for keys whose sidecar gives none: any JSON, at most 1,024 bytes.")),
  ),
});

const trash = group("What becomes of values that were overwritten or deleted and exist nowhere else.", {
  keep: v.optional(duration("Keep what was overwritten or deleted for this long. Default: 30d.")),
  max_size: v.optional(
    quantity(
      "Delete the oldest when the trash is larger, but nothing that was kept within the last day. Default: 1GiB.",
      parseByteCount,
      SIZE,
    ),
  ),
});

const keysLimit = (description: string) =>
  v.pipe(
    v.union(
      [
        v.pipe(
          wholeNumber("", 0, 1_000_000_000),
          v.transform((count) => ({ count })),
        ),
        v.pipe(
          quantity("", parseRatio, RATIO),
          v.transform((share) => ({ share })),
        ),
      ],
      ({ input }) => keysLimitMessage(input),
    ),
    v.description(description),
  );

/** What a mapping, `auto` and `defaults` all may say. */
const policyEntries = {
  account: v.optional(text("The account its namespace is in. Default: the only account.")),
  mode: v.optional(
    oneOf("push: files are the truth; pull: KV is the truth; two-way: both.", ["push", "pull", "two-way"]),
  ),
  delete: v.optional(
    oneOf(
      "What push and pull delete on the far side: owned: only keys this mapping put there (default); all: a mirror; none.",
      ["owned", "all", "none"],
    ),
  ),
  remove_after: v.optional(
    duration(
      "Remove what is gone at one side from the other only when it has been gone for this long since a round first saw it, and not at all if it comes back. Default: 0s, at once.",
    ),
  ),
  conflict: v.optional(
    oneOf(
      "two-way, when both sides changed: keep-both (default) keeps the remote version and saves the local one beside it.",
      ["keep-both", "local", "remote", "hold"],
    ),
  ),
  create: v.optional(flag("Create the namespace if there is none of that title. Default: false.")),
  names: v.optional(oneOf("File names: posix (default), or portable to Windows and macOS.", ["posix", "portable"])),
  stamp: v.optional(
    flag("Keep each value's fingerprint in its KV metadata, so that comparing costs no reads. Default: true."),
  ),
  trust_stamps: v.optional(
    flag(
      "Overwrite and delete at the namespace what its stamps say, without reading it first: for who rebuilds everything. Default: false.",
    ),
  ),
  include: v.optional(texts("Only keys that match, in gitignore syntax. Default: all.")),
  exclude: v.optional(
    texts(
      "No keys that match, in gitignore syntax: they are neither written, deleted nor listed. They add to the default list (exclude_defaults); !NAME takes one of it back. Default: none.",
    ),
  ),
  exclude_defaults: v.optional(flag(`Exclude also ${DEFAULT_EXCLUDES.join(" ")}. Default: true.`)),
  rules: v.optional(
    list("Metadata and times to live by key; for each, the last rule that matches and sets it decides.", rule),
  ),
  max_delete: v.optional(
    keysLimit(
      "Hold a round that would delete more on a side: a percentage of its keys, or a number of keys. Default: 25%.",
    ),
  ),
  max_overwrite: v.optional(
    keysLimit(
      "Hold a round that would overwrite more on a side of the keys that both sides had agreed on: a percentage of them, or a number of keys. 100% lets every key change at once. Default: all but one, and at least 9.",
    ),
  ),
  symlinks: v.optional(
    oneOf(
      "Symbolic links in the folder: skip (default); inside: read what they lead to within the folder, as in a ConfigMap or Secret mount; follow: wherever they lead.",
      ["skip", "inside", "follow"],
    ),
  ),
  root_swaps: v.optional(
    oneOf(
      "hold (default): a round that meets another folder in the place of the mapping's, with little of what was in it, is held. allow: the folder is replaced on purpose, by a link that is swapped or a build that makes it anew, and only the guards of the plan hold a round.",
      ["hold", "allow"],
    ),
  ),
  trash: v.optional(trash),
  settle_window: v.optional(
    duration("How long the remote may lag behind itself; not at all where it offers a change feed. Default: 60s."),
  ),
  poll_interval: v.optional(
    duration("How often the daemon lists the namespace, where no change feed tells what changes. Default: 60s.", 1000),
  ),
  rescan_interval: v.optional(
    duration("How often the daemon scans the whole folder, besides watching it. Default: 1h.", 1000),
  ),
  stable_after: v.optional(
    duration(
      "Push a file when it has not been written to for this long; a file whose times show that it was replaced by a rename need not wait. 0s: push it as it is. Default: 200ms.",
    ),
  ),
  stable_max: v.optional(
    duration("A file that is written to all the time is pushed as it is, once in this time. Default: 1m.", 1000),
  ),
  watch: v.optional(
    oneOf(
      "How the daemon learns that files changed: auto (default): by the system's events, and by polling where these do not tell of all changes; native: by events alone; polling: by looks at the folder; off: at each rescan_interval.",
      ["auto", "native", "polling", "off"],
    ),
  ),
  watch_interval: v.optional(
    duration("How often the daemon looks at the folder where it polls it; that costs no requests. Default: 10s.", 100),
  ),
  on_change: v.optional(hook("after a round that changed something")),
  on_hold: v.optional(hook("when the mapping stops and waits for approval")),
  on_conflict: v.optional(hook("when both sides changed a key")),
};

const mappingEntries = {
  folder: v.optional(text("The folder, under root unless it is an absolute path. Default: the mapping's name.")),
  namespace: v.optional(text("The namespace's title or id. Default: the mapping's name.")),
  prefix: v.optional(
    anyText(
      "Only the keys in this folder, which the paths do without: app is app/. With a * at the end, only the keys that begin with what is before it: app* is also apple/x, whose path is le/x. Default: none.",
    ),
  ),
  ...policyEntries,
};

const mapping = group("A folder and a namespace to keep in step.", mappingEntries);

const page = group("A page in the browser that shows how all stands, served by kvsync run.", {
  listen: v.optional(
    text(
      "Where it is served: a port, or HOST:PORT. Beyond this machine (0.0.0.0:9478) all of it needs a login. Default: 127.0.0.1:9478.",
    ),
  ),
  hosts: v.optional(
    texts(
      "Names that browsers ask for it by, besides the address: those of a reverse proxy, as in kvsync.example.com. With any, all of it needs a login. Default: none.",
    ),
  ),
});

export const configSchema = group("Accounts, mappings and what they have in common.", {
  state_dir: v.optional(text("Where kvsync keeps its journal and trash. Default: .kvsync beside this file.")),
  root: v.optional(text("Where relative folders of mappings are. Default: the folder of this file.")),
  // What has all its lines commented out, or of which nothing is said (`app-config:`), is null in YAML.
  accounts: v.nullish(named("Cloudflare accounts, and what speaks their API.", account)),
  mappings: v.nullish(named("Each keeps one folder and one namespace in step.", v.nullable(mapping))),
  defaults: v.nullish(group("What mappings, and auto, have that do not say otherwise.", mappingEntries)),
  repositories: v.nullish(named("Where backups are kept.", repository)),
  backups: v.nullish(named("Backups that run by themselves.", backup)),
  on_migration: v.optional(hook("when a migration is ready for its cut-over, done, aborted, or stopped by a failure")),
  page: v.optional(page),
  notify: v.nullish(notify),
  auto: v.optional(group("Make every other folder under root a mapping of its own.", policyEntries)),
});

export type RawConfig = v.InferOutput<typeof configSchema>;
export type RawAccount = v.InferOutput<typeof account>;
export type RawPage = v.InferOutput<typeof page>;
export type RawMapping = v.InferOutput<typeof mapping>;

function parseShare(share: string): Parsed<number> {
  const parsed = parseRatio(share);
  return parsed.kind === "value" && parsed.value === 0 ? { kind: "fault", message: "must be over 0%" } : parsed;
}

function keysLimitMessage(input: unknown): string {
  const parsed = typeof input === "string" ? parseRatio(input) : undefined;
  return `must be a percentage, as in 25%, or a number of keys${parsed?.kind === "fault" ? `: ${parsed.message}` : ""}`;
}
