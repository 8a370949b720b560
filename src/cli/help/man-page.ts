// The man page kvsync(1), made from what the commands say of themselves: their usage, arguments, options and examples are in no second place.

import type { Argument, Command, Help, Option } from "commander";
import { EXIT } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";
import { EXAMPLES } from "./examples.ts";

/** `program`: with all its commands loaded. `date`: `2026-11-29`. */
export function renderManPage(program: Command, date: string): string {
  const help = program.createHelp();
  // Options of all commands are told once.
  help.showGlobalOptions = false;
  const lines = [
    `.TH KVSYNC 1 "${date}" ${quoted(`kvsync ${VERSION}`)} "User Commands"`,
    ".SH NAME",
    `kvsync \\- ${text("keep Cloudflare Workers KV namespaces and folders of files in step, back them up and move them")}`,
    ".SH SYNOPSIS",
    ".B kvsync",
    ".RI [ OPTION ]...",
    ".I COMMAND",
    ".RI [ ARGUMENT ]...",
    ".SH DESCRIPTION",
    ...filled(DESCRIPTION),
    ".SH OPTIONS",
    "Every command takes these.",
    ...optionsOf(program, help),
    ...examplesOf([]),
    ".SH COMMANDS",
    ...[...program.commands].flatMap((command) => commandLines(command, [command.name()], help)),
    ".SH EXIT STATUS",
    ...Object.entries(EXIT).flatMap(([name, code]) => item(String(code), EXIT_WORDS[name as keyof typeof EXIT])),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, does]) => item(name, does)),
    ".SH FILES",
    ...FILES.flatMap(([name, does]) => item(name, does)),
  ];
  return `${lines.join("\n")}\n`;
}

const DESCRIPTION =
  "kvsync keeps Workers KV namespaces and folders of files in step: as a daemon (kvsync run), or once (kvsync push, pull and sync). It also backs namespaces up, moves them to another account, and serves the KV API itself. A place is ACCOUNT:NAMESPACE, ACCOUNT:NAMESPACE/FOLDER/, a folder, an archive, or a snapshot of a repository. Data goes to stdout, all else to stderr; with --json each line on stdout is one event, and the last one the summary.";

const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: "done, or no difference",
  failed: "failed",
  usage: "wrong usage",
  incomplete: "done but for some keys, which are listed",
  different: "differences were found (diff, check, plan)",
  held: "held by a guard, or paused",
  conflicts: "conflicts wait",
  configInvalid: "the config is invalid, or there is none",
  unauthorized: "not authorised",
  budgetExhausted: "the request budget is exhausted (with --no-wait)",
  locked: "locked by another process; --lock-timeout waits for it",
  stateDamaged: "the state folder is damaged, or was removed while it was in use",
  planOutdated: "a saved plan no longer fits, or was applied already",
  bug: "a bug in kvsync",
  sigint: "stopped by SIGINT",
  sigpipe: "what read the output has gone away",
  sigterm: "stopped by SIGTERM",
};

const ENVIRONMENT: readonly (readonly [name: string, does: string])[] = [
  ["KVSYNC_CONFIG", "the config file, where -c names none"],
  [
    "CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, CLOUDFLARE_API_BASE_URL",
    'without a config file, make an account named "cloudflare"',
  ],
  ["HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy that requests go through, and the hosts that need none"],
  ["NO_COLOR, FORCE_COLOR", "no colour, or colour also where there is no terminal"],
];

const FILES: readonly (readonly [name: string, does: string])[] = [
  ["./kvsync.yaml", "the config, unless another one is named; kvsync init writes one with comments"],
  ["state_dir", "of the config: journal, trash, and the socket of the daemon"],
];

function commandLines(command: Command, path: readonly string[], help: Help): readonly string[] {
  const own = [
    `.SS ${quoted(path.join(" "))}`,
    `.B ${text(`kvsync ${path.join(" ")}`)}`,
    text(command.usage()),
    ...paragraph(command.description()),
    ...help
      .visibleArguments(command)
      .flatMap((argument: Argument) => item(argument.name().toUpperCase(), help.argumentDescription(argument))),
    ...optionsOf(command, help),
    ...examplesOf(path),
  ];
  return [...own, ...command.commands.flatMap((sub) => commandLines(sub, [...path, sub.name()], help))];
}

function optionsOf(command: Command, help: Help): readonly string[] {
  return help
    .visibleOptions(command)
    .filter((option: Option) => option.long !== "--help" || command.parent === null)
    .flatMap((option: Option) => item(help.optionTerm(option), help.optionDescription(option)));
}

function examplesOf(path: readonly string[]): readonly string[] {
  const examples = EXAMPLES[path.join(" ")] ?? [];
  if (examples.length === 0) return [];
  return [
    ".PP",
    examples.length === 1 ? "Example:" : "Examples:",
    ...examples.flatMap(({ type, does }) => [".PP", ".RS 4", ".nf", `\\fB${text(type)}\\fR`, ".fi", text(does), ".RE"]),
  ];
}

function paragraph(words: string): readonly string[] {
  return [".PP", ...filled(words)];
}

function item(term: string, words: string): readonly string[] {
  return [".TP", `.B ${text(term)}`, ...filled(words)];
}

const LINE_WIDTH_MAX = 78;

/** `words` as lines that roff fills again. */
function filled(words: string): readonly string[] {
  const lines: string[] = [];
  for (const word of words.split(/\s+/).filter((part) => part !== "")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= LINE_WIDTH_MAX) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map(text);
}

const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
};

/** One line of text as roff takes it: no character of it is an instruction, and all can be copied. */
function text(words: string): string {
  const safe = words
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(/[\\\-'`^~"]/g, (char) => SPECIAL[char]!)
    .replaceAll(
      /[^\u0020-\u007e]/gu,
      (char) => `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
  return safe.startsWith(".") ? `\\&${safe}` : safe;
}

function quoted(words: string): string {
  return `"${text(words)}"`;
}
