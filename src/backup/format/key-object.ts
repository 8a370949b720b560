// The master key of an encrypted repository, wrapped by a passphrase: argon2id makes the key that wraps it. Several such objects may wrap
// the same master key.

import { argon2, createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { ByteCount } from "../../core/clock.ts";
import { FOLDERS } from "./object-names.ts";
import { isCount, type JsonObject, parseObject } from "./parse-object.ts";
import { isJsonObject } from "../../core/json.ts";
import { KEY_BYTES, TAG_BYTES } from "./sealer.ts";

const deriveArgon2 = promisify(argon2);

/** What OWASP asks for is a third of this (its password storage cheat sheet: 19 MiB, 2 passes). It takes 0.2 s. */
const MEMORY_KIB = 65_536;
const PASSES = 3;
/** Whoever writes a key object could otherwise make its reader compute for hours. */
const MEMORY_KIB_MAX = 4_194_304;
const PASSES_MAX = 64;
const PARALLELISM_MAX = 64;
const SALT_BYTES: ByteCount = 16;
const NONCE_BYTES: ByteCount = 12;
const VERSION = 1;

interface Kdf {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
}

export interface WrappedKey {
  readonly kdf: Kdf;
  readonly nonce: Buffer;
  readonly wrapped: Buffer;
}

export interface KeyFacts {
  readonly masterKey: Uint8Array;
  readonly passphrase: string;
  readonly repositoryId: string;
  /** ISO 8601. */
  readonly created: string;
}

export async function encodeKeyObject({ masterKey, passphrase, repositoryId, created }: KeyFacts): Promise<Buffer> {
  const kdf: Kdf = { memoryKiB: MEMORY_KIB, passes: PASSES, parallelism: 1, salt: randomBytes(SALT_BYTES) };
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", await deriveKey(kdf, passphrase), nonce);
  cipher.setAAD(Buffer.from(repositoryId, "ascii"));
  const wrapped = Buffer.concat([cipher.update(masterKey), cipher.final(), cipher.getAuthTag()]);
  const object = {
    kvsync: "key",
    version: VERSION,
    created,
    kdf: { name: "argon2id", ...kdf, salt: kdf.salt.toString("base64") },
    nonce: nonce.toString("base64"),
    wrapped: wrapped.toString("base64"),
  };
  return Buffer.from(`${JSON.stringify(object)}\n`);
}

/** Of its bytes. */
export function keyObjectName(bytes: Uint8Array): string {
  return `${FOLDERS.keys}${hash("sha256", bytes, "hex").slice(0, 16)}`;
}

/** "damaged": it is not as it was written; "newer": of a version that this program does not know. */
export function decodeKeyObject(bytes: Uint8Array, name: string): WrappedKey | "damaged" | "newer" {
  if (keyObjectName(bytes) !== name) return "damaged";
  const object = parseObject(bytes);
  if (object === undefined || object["kvsync"] !== "key") return "damaged";
  if (object["version"] !== VERSION) return "newer";
  const { kdf, nonce, wrapped } = object;
  if (!isJsonObject(kdf) || kdf["name"] !== "argon2id") return "newer";
  const parsed = decodeKdf(kdf);
  if (parsed === undefined || typeof nonce !== "string" || typeof wrapped !== "string") return "damaged";
  const key = { kdf: parsed, nonce: Buffer.from(nonce, "base64"), wrapped: Buffer.from(wrapped, "base64") };
  return key.nonce.byteLength === NONCE_BYTES && key.wrapped.byteLength === KEY_BYTES + TAG_BYTES ? key : "damaged";
}

function decodeKdf({ memoryKiB, passes, parallelism, salt }: JsonObject): Kdf | undefined {
  if (!isCount(memoryKiB) || !isCount(passes) || !isCount(parallelism) || typeof salt !== "string") return undefined;
  if (memoryKiB > MEMORY_KIB_MAX || passes > PASSES_MAX || parallelism > PARALLELISM_MAX) return undefined;
  if (passes === 0 || parallelism === 0 || memoryKiB < 8 * parallelism) return undefined;
  return { memoryKiB, passes, parallelism, salt: Buffer.from(salt, "base64") };
}

/** The master key; undefined: `passphrase` is not the one that wraps it in the repository of that id. */
export async function unwrapKey(
  { kdf, nonce, wrapped }: WrappedKey,
  { passphrase, repositoryId }: Pick<KeyFacts, "passphrase" | "repositoryId">,
): Promise<Uint8Array | undefined> {
  const decipher = createDecipheriv("aes-256-gcm", await deriveKey(kdf, passphrase), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(repositoryId, "ascii"));
  decipher.setAuthTag(wrapped.subarray(KEY_BYTES));
  const masterKey = decipher.update(wrapped.subarray(0, KEY_BYTES));
  try {
    decipher.final();
  } catch {
    // It has one way to fail: the tag does not fit.
    return undefined;
  }
  return masterKey;
}

function deriveKey({ memoryKiB, passes, parallelism, salt }: Kdf, passphrase: string): Promise<Buffer> {
  return deriveArgon2("argon2id", {
    // The same passphrase, whichever keyboard it was typed on.
    message: Buffer.from(passphrase.normalize("NFC"), "utf8"),
    nonce: salt,
    parallelism,
    tagLength: KEY_BYTES,
    memory: memoryKiB,
    passes,
  });
}
