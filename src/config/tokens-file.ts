// The file that `kvsync serve --tokens` reads: which tokens there are, each by its hash, and what it may do. YAML, or JSON, which is YAML.
//
// A token itself has no place in it: what looks like one is refused, and no message shows it.

import * as v from "valibot";
import type { EpochMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { looksLikeToken } from "../core/redact.ts";
import { parseTime } from "../core/time-text.ts";
import { type ConfigFault, type FaultPath, renderFaults } from "./config-fault.ts";
import { group, list, named, oneOf, text } from "./field.ts";
import { reportIssue } from "./report-issue.ts";
import { type Environment, parseYamlSource } from "./yaml-source.ts";

/** A token of the file, as the server takes it. */
export interface FileToken {
  readonly name: string;
  /** 64 hexadecimal digits in lower case. */
  readonly sha256: string;
  readonly access: "read" | "edit";
  readonly accounts?: readonly string[] | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly expires?: EpochMs | undefined;
}

const HOW_TO_HASH = 'printf %s "$TOKEN" | sha256sum';
const HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const sha256 = v.pipe(
  text("The SHA-256 of the token, in hexadecimal."),
  v.regex(
    /^[0-9a-f]{64}$/i,
    `is no SHA-256 of 64 hexadecimal digits: write not the token, but what this prints: ${HOW_TO_HASH}`,
  ),
  v.toLowerCase(),
  v.check((hash) => hash !== HASH_OF_NOTHING, "is the SHA-256 of nothing: $TOKEN was empty when it was made"),
);

const accountId = v.pipe(
  text("An account's id, or a glob over them."),
  v.regex(/^[\w*?-]{1,32}$/, "is neither the id of an account (1 to 32 letters, digits, - and _) nor a glob over them"),
);

const namespace = v.pipe(
  text("A namespace's id, or a glob over titles."),
  v.check(
    (glob) => !glob.startsWith("!"),
    'begins with "!", but there are no exceptions here: name what the token may see',
  ),
);

const expiry = v.pipe(
  text("When the token is refused from: a day (from its start, in UTC), or a time with its zone."),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const time = parseExpiry(dataset.value);
    if (time !== undefined) return time;
    addIssue({ message: "is no day, as in 2027-01-01, nor a time with its zone, as in 2027-01-01T18:00Z" });
    return NEVER;
  }),
);

const some = (message: string) => v.minLength<string[], 1, string>(1, message);

const token = group("What a token may do, and until when.", {
  sha256,
  access: oneOf("What it may do: read, or edit, which is read and change.", ["read", "edit"]),
  accounts: v.optional(
    v.pipe(
      list("The accounts it is for. Default: all.", accountId),
      some("must name an account: leave it out for all"),
    ),
  ),
  namespaces: v.optional(
    v.pipe(
      list("The namespaces it is for. Default: all.", namespace),
      some("must name a namespace: leave it out for all"),
    ),
  ),
  expires: v.optional(expiry),
});

const schema = group("The tokens that are accepted.", {
  tokens: named("The tokens by name, as logs show them.", token),
});

/** The tokens of a file with this text. Throws AppError "config-invalid", which tells of every fault with its line. */
export function parseTokensFile(fileText: string, shownFile: string, env: Environment): readonly FileToken[] {
  const source = parseYamlSource(fileText, env);
  const faults: ConfigFault[] = [...source.faults];
  const report = (path: FaultPath, message: string, what: "key" | "value" = "value"): void =>
    void faults.push({ message, range: source.rangeOf(path, what) });
  if (source.data === undefined) {
    if (faults.length === 0) faults.push({ message: "is empty: write tokens: {} for none", range: [0, 1] });
  } else {
    const result = v.safeParse(schema, source.data);
    for (const issue of result.issues ?? []) reportTokenIssue(issue, report);
    if (result.success) {
      const tokens = Object.entries(result.output.tokens).map(([name, rest]) => ({ name, ...rest }));
      for (const { name } of tokens)
        if (looksLikeToken(name)) report(["tokens", name], "looks like a token itself: logs show this name", "key");
      reportTwins(tokens, report);
      if (faults.length === 0) return tokens;
    }
  }
  const count = faults.length === 1 ? "one fault" : `${faults.length} faults`;
  const shown = renderFaults(faults, fileText, visible(shownFile), maskValues);
  throw new AppError("config-invalid", `the file of tokens has ${count}\n${shown}`, {
    hint: "write NAME: { sha256: ..., access: edit } under tokens: for each; kvsync serve --help says where all of it is told",
  });
}

type Report = (path: FaultPath, message: string, what?: "key" | "value") => void;

function reportTokenIssue(issue: v.BaseIssue<unknown>, report: Report): void {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const tell: Report = (at, message, what) => report(at, withoutInput(message), what);
  if (issue.type === "never" && /token|secret|key|value|hash/i.test(String(path.at(-1))))
    report(path, `a token itself has no place here: write sha256, and what this prints: ${HOW_TO_HASH}`, "key");
  else reportIssue(issue, tell);
}

/** `message` without what it quotes of the file: a token may have been written anywhere. */
function withoutInput(message: string): string {
  return message.replace(/, not "[^]*?"(?=$|;)/, "").replace(/[^\s"]{36,}/g, "***");
}

function reportTwins(tokens: readonly FileToken[], report: Report): void {
  const names = new Map<string, string>();
  for (const { name, sha256: hash } of tokens) {
    const twin = names.get(hash);
    if (twin !== undefined) report(["tokens", name, "sha256"], `"${name}" and "${twin}" are the same token`);
    names.set(hash, name);
  }
}

function parseExpiry(given: string): EpochMs | undefined {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(given);
  if (!isDay && !/(Z|[+-]\d\d:\d\d)$/.test(given)) return undefined;
  return parseTime(isDay ? `${given}T00:00:00Z` : given)?.from;
}

const SHOWN_KEYS = new Set(["tokens", "accounts", "namespaces", "expires"]);

/** `line` with every value starred out but those of keys that hold no secret: a token may have been written anywhere. */
function maskValues(line: string): string {
  const isPlain = /^\s*["']?[\w.-]+["']?\s*:/.test(line) || /^\s*[{}[\],]*\s*$/.test(line);
  if (!isPlain) return line.replace(/[^\s,:{}[\]"'-]/g, "*");
  return line
    .replace(
      /([\w.-]+)(["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,{}[\]"'][^,{}]*)/g,
      (all, key: string, colon: string, value: string) => (SHOWN_KEYS.has(key) ? all : key + colon + stars(value)),
    )
    .replace(/[\w.~+=-]{36,}/g, stars);
}

function stars(text: string): string {
  return "*".repeat(text.length);
}
