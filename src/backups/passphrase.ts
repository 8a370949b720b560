// Where the passphrase of a repository comes from, the first that says one: the repository's entry in the config; KVSYNC_PASSPHRASE_FILE or
// KVSYNC_PASSPHRASE; the systemd credential `kvsync-passphrase`; a question on the terminal.

import { join, resolve } from "node:path";
import type { ReadFile, SecretSource } from "../config/secret.ts";
import { Secret } from "../config/secret.ts";
import type { Environment } from "../config/yaml-source.ts";
import { AppError, visible } from "../core/errors.ts";

export interface PassphraseQuestion {
  /** The repository's. */
  readonly label: string;
  /** What its entry in the config says. */
  readonly configured: SecretSource | undefined;
  /** It is to be the passphrase of a new repository: a person types it twice. */
  readonly isNew: boolean;
}

export interface PassphraseDeps {
  readonly env: Environment;
  readonly cwd: string;
  readonly readFile: ReadFile;
  /** Asks on the terminal without showing what is typed; undefined for the end of the input. Undefined: there is no one to ask. */
  readonly ask: ((question: string) => Promise<string | undefined>) | undefined;
}

/** What systemd's LoadCredential= is to call it. */
const CREDENTIAL = "kvsync-passphrase";

/** Undefined: nobody says one. Throws AppError "unauthorized" or "usage" for one that cannot be read, is empty, or was mistyped. */
export async function readPassphrase(question: PassphraseQuestion, deps: PassphraseDeps): Promise<Secret | undefined> {
  const { configured, label } = question;
  const { env, readFile } = deps;
  if (configured?.kind === "value") return parsePassphrase(configured.secret.reveal(), `passphrase of ${label}`);
  if (configured?.kind === "file") return passphraseOfFile(configured.path, readFile);
  const [file, text] = [env["KVSYNC_PASSPHRASE_FILE"], env["KVSYNC_PASSPHRASE"]];
  if (file !== undefined && text !== undefined) {
    throw new AppError("usage", "KVSYNC_PASSPHRASE and KVSYNC_PASSPHRASE_FILE are both set", {
      hint: "keep one of them",
    });
  }
  if (file !== undefined) return passphraseOfFile(resolve(deps.cwd, file), readFile);
  if (text !== undefined) return parsePassphrase(text, "KVSYNC_PASSPHRASE");
  const folder = env["CREDENTIALS_DIRECTORY"];
  const credential = folder === undefined ? undefined : readFile(join(folder, CREDENTIAL));
  if (credential !== undefined) return parsePassphrase(withoutLineEnd(credential), `the credential ${CREDENTIAL}`);
  return deps.ask === undefined ? undefined : askPassphrase(question, deps.ask);
}

async function askPassphrase(
  { label, isNew }: PassphraseQuestion,
  ask: (question: string) => Promise<string | undefined>,
): Promise<Secret | undefined> {
  const typed = await ask(`${isNew ? "New passphrase" : "Passphrase"} of ${visible(label)}: `);
  if (typed === undefined) return undefined;
  const passphrase = parsePassphrase(typed, "the passphrase");
  if (!isNew) return passphrase;
  const again = await ask("The same once more: ");
  if (again === typed) return passphrase;
  throw new AppError("usage", "the two passphrases differ", { hint: "run again, and type the same twice" });
}

function passphraseOfFile(path: string, readFile: ReadFile): Secret {
  const text = readFile(path);
  if (text !== undefined) return parsePassphrase(withoutLineEnd(text), visible(path));
  throw new AppError("unauthorized", `the passphrase is to be read from ${visible(path)}, which does not exist`, {
    hint: `write it into ${visible(path)}`,
  });
}

function parsePassphrase(text: string, noun: string): Secret {
  if (text === "") {
    throw new AppError("unauthorized", `${noun} is empty`, { hint: "a passphrase has at least one character" });
  }
  // What is no UTF-8 was read as these, and so could be many others.
  if (text.includes("\uFFFD")) {
    throw new AppError("unauthorized", `${noun} is no text in UTF-8`, { hint: "encode it, as with base64" });
  }
  return new Secret(text);
}

/** The line end that editors and `echo` add is not meant. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}
