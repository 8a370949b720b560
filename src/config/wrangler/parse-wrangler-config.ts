// What kvsync needs of wrangler's config: which binding is which namespace. `wrangler.jsonc` and `wrangler.json` are JSON with comments and
// trailing commas, `wrangler.toml` is TOML. Everything else in it is wrangler's business, and is neither read nor judged.

import { parse as parseJsonc, type ParseError, printParseErrorCode } from "jsonc-parser";
import { parse as parseToml, TomlError } from "smol-toml";
import { AppError, visible } from "../../core/errors.ts";
import { type ConfigFault, renderFaults } from "../config-fault.ts";

export interface WranglerBinding {
  readonly binding: string;
  /** Undefined: wrangler makes the namespace by itself when it deploys, and writes no id here. */
  readonly id: string | undefined;
  /** The namespace of `wrangler dev --remote`. */
  readonly previewId: string | undefined;
}

export interface WranglerEnvironment {
  readonly accountId: string | undefined;
  readonly bindings: readonly WranglerBinding[];
}

export interface WranglerConfig extends WranglerEnvironment {
  /** As messages name it. */
  readonly file: string;
  /** By name. An environment inherits the account, but no bindings: wrangler has it so. */
  readonly environments: ReadonlyMap<string, WranglerEnvironment>;
}

/** `file` ends in .toml, or is JSON. Throws AppError "config-invalid". */
export function parseWranglerConfig(text: string, file: string): WranglerConfig {
  const data = file.endsWith(".toml") ? readToml(text, file) : readJsonc(text, file);
  if (!isTable(data)) throw faulty(file, "holds no object");
  const accountId = accountOf(data, file, "");
  const environments = own(data, "env") ?? {};
  if (!isTable(environments)) throw faulty(file, "env is no object");
  return {
    file,
    accountId,
    bindings: bindingsOf(data, file, ""),
    environments: new Map(
      Object.entries(environments).map(([name, raw]) => {
        const where = `env.${visible(name)}.`;
        if (!isTable(raw)) throw faulty(file, `env.${visible(name)} is no object`);
        return [name, { accountId: accountOf(raw, file, where) ?? accountId, bindings: bindingsOf(raw, file, where) }];
      }),
    ),
  };
}

function readJsonc(text: string, file: string): unknown {
  // A byte order mark is no part of the JSON; the space keeps all positions.
  const json = text.startsWith("\uFEFF") ? ` ${text.slice(1)}` : text;
  const errors: ParseError[] = [];
  const data: unknown = parseJsonc(json, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first === undefined) return data;
  const { error, offset, length } = first;
  throw unreadable(file, text, { message: jsonMessage(printParseErrorCode(error)), range: [offset, offset + length] });
}

/** `CloseBraceExpected`: close brace expected. */
function jsonMessage(code: string): string {
  return `is not valid JSON: ${code.replaceAll(/(?!^)([A-Z])/g, " $1").toLowerCase()}`;
}

function readToml(text: string, file: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column, message } = error;
    const lineStart =
      text
        .split("\n")
        .slice(0, line - 1)
        .join("\n").length + (line === 1 ? 0 : 1);
    const at = lineStart + column - 1;
    // The rest of the message is the text around it.
    const reason = message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    throw unreadable(file, text, { message: `is not valid TOML: ${reason}`, range: [at, at + 1] });
  }
}

type Table = Readonly<Record<string, unknown>>;

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nothing that every object has by itself. */
function own(table: Table, name: string): unknown {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function accountOf(table: Table, file: string, where: string): string | undefined {
  return textOf(table, "account_id", file, where);
}

function bindingsOf(table: Table, file: string, where: string): readonly WranglerBinding[] {
  const raw = own(table, "kv_namespaces") ?? [];
  if (!Array.isArray(raw)) throw faulty(file, `${where}kv_namespaces is no list`);
  return raw.map((item: unknown, index) => {
    const place = `${where}kv_namespaces[${index}]`;
    if (!isTable(item)) throw faulty(file, `${place} is no object`);
    const binding = textOf(item, "binding", file, `${place}.`);
    if (binding === undefined) throw faulty(file, `${place} has no binding`);
    const [id, previewId] = ["id", "preview_id"].map((name) => textOf(item, name, file, `${place}.`));
    return { binding, id, previewId };
  });
}

/** Undefined also for "", which says nothing. */
function textOf(table: Table, name: string, file: string, where: string): string | undefined {
  const value = own(table, name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw faulty(file, `${where}${name} is no text`);
}

function unreadable(file: string, text: string, fault: ConfigFault): AppError {
  return new AppError("config-invalid", renderFaults([fault], text, file), {
    hint: "mend it there, and see that wrangler reads it; or name the namespace itself: ACCOUNT:NAMESPACE",
  });
}

function faulty(file: string, what: string): AppError {
  return new AppError("config-invalid", `${file}: ${what}`, {
    hint: 'wrangler wants "kv_namespaces": [{ "binding": "NAME", "id": "..." }]',
  });
}
