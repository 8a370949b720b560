// Secrets: values that never print. Whoever logs, throws or serialises one gets "[secret]"; only `reveal` tells it,
// and only the code that builds a request calls that.

import { AppError } from "../core/errors.ts";
import { hideSecret } from "../core/redact.ts";

const SHOWN = "[secret]";

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    hideSecret(value);
  }

  /** The secret itself, for a request header. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  /** What console.log and node:util's inspect show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}

/** Where a secret comes from. A file is read when the account is first used, not when the config is loaded: under
 * systemd it exists only inside the service, and `kvsync map` needs no token. */
export type SecretSource =
  | { readonly kind: "value"; readonly secret: Secret }
  | { readonly kind: "file"; readonly path: string };

/** Reads a text file; undefined if there is none. Throws AppError "io" if it cannot be read. */
export type ReadFile = (path: string) => string | undefined;

/** The secret that `source` stands for, without the white space that editors leave around it. Throws "unauthorized"
 * if the file is missing or empty; `noun` names what it is for: `the API token of account "prod"`, and
 * `instead` what else may be written into the config. */
export function readSecret(
  source: SecretSource,
  noun: string,
  readFile: ReadFile,
  instead = "api_token: ${CLOUDFLARE_API_TOKEN}",
): Secret {
  if (source.kind === "value") return source.secret;
  const text = readFile(source.path)?.trim();
  if (text) return new Secret(text);
  throw new AppError(
    "unauthorized",
    `${noun} is to be read from ${source.path}, which ${text === "" ? "is empty" : "does not exist"}`,
    {
      hint: `write it into ${source.path}, or set ${instead} instead`,
    },
  );
}
