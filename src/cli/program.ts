// The command line: which commands there are, and what all of them take.

import { Command } from "commander";
import { addCommands, type CommandEntry, type Start } from "./command-entry.ts";
import { renderExamples } from "./help/examples.ts";
import { checkFileNames } from "./input/file-names.ts";
import { VERSION } from "./process/version.ts";

const SYNC = "Folders and namespaces:";
const REMOTE = "Namespaces, keys and values:";
const BACKUP = "Backups:";
const MIGRATION = "Moving to another account:";
const SETUP = "Server and setup:";

const commands: readonly CommandEntry[] = [
  {
    name: "run",
    group: SYNC,
    summary: "Keep mappings in step until stopped: the daemon",
    load: () => import("./command/run.ts"),
  },
  {
    name: "push",
    group: SYNC,
    summary: "Write the files of mappings to their namespaces",
    load: () => import("./command/push.ts"),
  },
  {
    name: "pull",
    group: SYNC,
    summary: "Write the keys of namespaces to the folders of their mappings",
    load: () => import("./command/pull.ts"),
  },
  {
    name: "sync",
    group: SYNC,
    summary: "Do one round of mappings, as their modes say",
    load: () => import("./command/sync.ts"),
  },
  {
    name: "diff",
    group: SYNC,
    summary: "Show what differs, and which way it would go",
    load: () => import("./command/diff.ts"),
  },
  {
    name: "plan",
    group: SYNC,
    summary: "Show what would be done, and keep it for apply",
    load: () => import("./command/plan.ts"),
  },
  {
    name: "apply",
    group: SYNC,
    summary: "Do what a saved plan says, and nothing else",
    load: () => import("./command/apply.ts"),
  },
  {
    name: "copy",
    group: SYNC,
    summary: "Copy between any two namespaces, folders, archives or repositories",
    load: () => import("./command/copy.ts"),
  },
  {
    name: "check",
    group: SYNC,
    summary: "Tell whether two places hold the same, or a repository is whole",
    load: () => import("./command/check.ts"),
  },
  {
    name: "export",
    group: SYNC,
    summary: "Write a namespace or a folder to one file, an archive",
    load: () => import("./command/export.ts"),
  },
  {
    name: "import",
    group: SYNC,
    summary: "Write an archive to a namespace or a folder",
    load: () => import("./command/import.ts"),
  },
  {
    name: "status",
    group: SYNC,
    summary: "Show what the daemon does, and whether all is in step",
    load: () => import("./command/status.ts"),
  },
  {
    name: "page",
    group: SYNC,
    summary: "Print a link that logs a browser in to the daemon's status page",
    load: () => import("./command/page.ts"),
  },
  {
    name: "approve",
    group: SYNC,
    summary: "Let the plan run that a mapping is held with",
    load: () => import("./command/approve.ts"),
  },
  {
    name: "conflicts",
    group: SYNC,
    summary: "List, show and resolve what both sides changed",
    load: () => import("./command/conflicts.ts"),
  },
  {
    name: "discard",
    group: SYNC,
    summary: "Drop the plan that a mapping is held with, and pause the mapping",
    load: () => import("./command/discard.ts"),
  },
  {
    name: "pause",
    group: SYNC,
    summary: "Do nothing of mappings until they are resumed",
    load: () => import("./command/pause.ts"),
  },
  {
    name: "resume",
    group: SYNC,
    summary: "Go on with mappings that are paused",
    load: () => import("./command/resume.ts"),
  },
  {
    name: "history",
    group: SYNC,
    summary: "Show what happened to keys, when and why",
    load: () => import("./command/history.ts"),
  },
  {
    name: "events",
    group: SYNC,
    summary: "Follow what happens in the daemon, as it happens",
    load: () => import("./command/events.ts"),
  },
  {
    name: "trash",
    group: SYNC,
    summary: "List and restore what was replaced or removed",
    load: () => import("./command/trash.ts"),
  },
  {
    name: "reload",
    group: SYNC,
    summary: "Let the daemon read its config again",
    load: () => import("./command/reload.ts"),
  },
  {
    name: "namespace",
    group: REMOTE,
    summary: "List, create, rename and delete namespaces",
    load: () => import("./command/namespace.ts"),
  },
  {
    name: "key",
    group: REMOTE,
    summary: "List, read, write and delete single keys",
    load: () => import("./command/key.ts"),
  },
  {
    name: "bulk",
    group: REMOTE,
    summary: "Read, write and delete many keys at once",
    load: () => import("./command/bulk.ts"),
  },
  {
    name: "backup",
    group: BACKUP,
    summary: "Store namespaces or folders in a repository, a snapshot each",
    load: () => import("./command/backup.ts"),
  },
  {
    name: "snapshots",
    group: BACKUP,
    summary: "List the snapshots of a repository",
    load: () => import("./command/snapshots.ts"),
  },
  {
    name: "ls",
    group: BACKUP,
    summary: "List the keys of a snapshot",
    load: () => import("./command/ls.ts"),
  },
  {
    name: "find",
    group: BACKUP,
    summary: "Find all versions of a key through time",
    load: () => import("./command/find.ts"),
  },
  {
    name: "cat",
    group: BACKUP,
    summary: "Print a value of a snapshot",
    load: () => import("./command/cat.ts"),
  },
  {
    name: "restore",
    group: BACKUP,
    summary: "Write a snapshot back to a namespace or a folder",
    load: () => import("./command/restore.ts"),
  },
  {
    name: "drill",
    group: BACKUP,
    summary: "Prove that snapshots can be restored: restore them, and compare every byte",
    load: () => import("./command/drill.ts"),
  },
  {
    name: "forget",
    group: BACKUP,
    summary: "Remove snapshots that no rule keeps",
    load: () => import("./command/forget.ts"),
  },
  {
    name: "prune",
    group: BACKUP,
    summary: "Free what no snapshot needs",
    load: () => import("./command/prune.ts"),
  },
  {
    name: "repair",
    group: BACKUP,
    summary: "Make the index of a repository anew",
    load: () => import("./command/repair.ts"),
  },
  {
    name: "migrate",
    group: MIGRATION,
    summary: "Move namespaces to another account, with a proof that all arrived",
    load: () => import("./command/migrate.ts"),
  },
  {
    name: "serve",
    group: SETUP,
    summary: "Run the embedded Workers KV server",
    load: () => import("./command/serve.ts"),
  },
  {
    name: "init",
    group: SETUP,
    summary: "Write a commented config file to begin with",
    load: () => import("./command/init.ts"),
  },
  {
    name: "doctor",
    group: SETUP,
    summary: "Check config, folders, accounts and this machine",
    load: () => import("./command/doctor.ts"),
  },
  {
    name: "notify",
    group: SETUP,
    summary: "Try out those who are told when a person should look",
    load: () => import("./command/notify.ts"),
  },
  {
    name: "map",
    group: SETUP,
    summary: "Show which file holds a key, and which key a file is",
    load: () => import("./command/map.ts"),
  },
  {
    name: "version",
    group: SETUP,
    summary: "Print the versions of kvsync and of what it runs on",
    load: () => import("./command/version.ts"),
  },
  {
    name: "completion",
    group: SETUP,
    summary: "Print a completion script for bash, zsh or fish",
    load: () => import("./command/completion.ts"),
  },
];

/** What `kvsync` alone prints. */
export const SHORT_HELP = `kvsync keeps Workers KV namespaces and folders of files in step.

  kvsync init                           write a commented ./kvsync.yaml to begin with
  kvsync push                           write the files of all mappings to their namespaces
  kvsync diff                           show what differs, and change nothing
  kvsync run                            keep everything in step, in the background
  kvsync key list -n prod:app-config    list the keys of a namespace
  kvsync doctor                         check that everything is in place

kvsync --help lists all commands; kvsync COMMAND --help explains one.
`;

export interface ProgramOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What is asked for is told as JSON. */
  readonly json?: boolean;
}

/** The whole program; `start` runs what the command line asks for. Errors of the command line are thrown, as
 * CommanderErrors. */
export function buildProgram(start: Start, { json = false, ...streams }: ProgramOutput): Command {
  const program = new Command("kvsync")
    .description("Keep Cloudflare Workers KV namespaces and folders of files in step.")
    .version(json ? JSON.stringify({ version: VERSION }) : VERSION, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Explain the command")
    .helpCommand(false)
    .option("-c, --config <file>", "The config file; else $KVSYNC_CONFIG, ./kvsync.yaml, the user's or the system's")
    .option("--json", "Results as lines of JSON on stdout; the last is the summary")
    .option("-q, --quiet", "Only what was asked for, and what goes wrong: no word on what was done")
    .option("-v, --verbose", "More on stderr: retries, waits and causes")
    .option("--no-progress", "No progress bar")
    .option("--no-wait", "Fail with exit code 9 rather than wait for the request budget")
    .option("--lock-timeout <duration>", "Wait this long for another kvsync that works with the state folder (30s, 5m)")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: streams.out, writeErr: streams.err, outputError: () => undefined })
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText("after", renderExamples([]) ?? "");
  addCommands(program, commands, start);
  program.hook("preAction", (_, command) => checkFileNames(command));
  return program;
}
