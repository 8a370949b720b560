// config.json: what kind of repository it stands in. It ends with a digest of what stands before, so that a damaged one is told
// from one of another kind.

import { AppError } from "../../core/errors.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import { damaged, PUT_BACK } from "./damage.ts";
import { CONFIG_NAME } from "./object-names.ts";
import { parseObject } from "./parse-object.ts";

export interface RepositoryConfig {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** ISO 8601. */
  readonly created: string;
  /** The name of the key object that it was made with: a listing that lags behind may not show it yet. Undefined: it is not encrypted. */
  readonly key: string | undefined;
}

const VERSION = 1;
const ENCRYPTION = "aes-256-gcm";

export function encodeConfig({ id, created, key }: RepositoryConfig): Buffer {
  const encryption = key === undefined ? null : ENCRYPTION;
  const text = JSON.stringify({ kvsync: "repository", version: VERSION, id, created, encryption, key }).slice(0, -1);
  return Buffer.from(`${text},"sha256":"${sha256Of(Buffer.from(text))}"}\n`);
}

/** Throws AppError "repository-damaged", or "repository-refused" for a version that this program does not know. `label`: of
 * the repository, for messages. */
export function decodeConfig(bytes: Uint8Array, label: string): RepositoryConfig {
  const text = Buffer.from(bytes).toString("latin1");
  const [, signed = "", sha256] = SIGNED.exec(text) ?? [];
  if (sha256 !== sha256Of(Buffer.from(signed, "latin1")))
    throw damaged(`${CONFIG_NAME} of ${label}`, "is not as it was written", { hint: PUT_BACK });
  const { kvsync, version, id, created, encryption, key } = parseObject(bytes) ?? {};
  if (kvsync !== "repository" || version !== VERSION) {
    throw new AppError("repository-refused", `${label} is a repository of a newer version of kvsync`, {
      hint: "use it with a newer kvsync",
    });
  }
  const isEncrypted = encryption === ENCRYPTION && typeof key === "string";
  const isPlain = encryption === null && key === undefined;
  if (typeof id !== "string" || typeof created !== "string" || (!isEncrypted && !isPlain))
    throw damaged(`${CONFIG_NAME} of ${label}`, "says what no kvsync writes", { hint: PUT_BACK });
  return { id, created, key: isEncrypted ? key : undefined };
}

const SIGNED = /^(\{.*),"sha256":"([0-9a-f]{64})"\}\n$/s;
