// What index and snapshot objects are sealed with, and the blocks of packs: zstd, and in an encrypted repository AES-256-GCM under a key
// that is derived of the master key for each object and each pack by a random salt. So a key encrypts one object, or the
// numbered blocks of one pack, and no nonce is used twice.

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import type { ByteCount } from "../../core/clock.ts";
import type { BlockEncryptor, PackCipher, Sealer } from "../repository/repository.ts";
import { damaged } from "./damage.ts";
import { compressFrame, decompressFrame } from "./frame.ts";

export const SALT_BYTES: ByteCount = 32;
export const TAG_BYTES: ByteCount = 16;
export const KEY_BYTES: ByteCount = 32;
const NONCE_BYTES = 12;
/** More than any index or snapshot has: a bound for what a damaged frame may ask for. */
const SEALED_BYTES_MAX: ByteCount = 1_000_000_000;

/** `masterKey`: undefined in a repository that is not encrypted. */
export function openSealer(masterKey: Uint8Array | undefined): Sealer {
  const deriveKey = (salt: Uint8Array, info: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync("sha256", masterKey!, salt, info, KEY_BYTES)));
  return {
    async seal(kind, plain) {
      const frame = await compressFrame(plain);
      if (masterKey === undefined) return frame;
      const salt = randomBytes(SALT_BYTES);
      return Buffer.concat([salt, ...encrypt(deriveKey(salt, `kvsync ${kind}`), frame)]);
    },
    async open(kind, stored) {
      let frame: Uint8Array | undefined = stored;
      if (masterKey !== undefined) {
        const salt = stored.subarray(0, SALT_BYTES);
        frame = decrypt(deriveKey(salt, `kvsync ${kind}`), 0, stored.subarray(SALT_BYTES));
      }
      return frame && (await decompressFrame(frame, { sizeMax: SEALED_BYTES_MAX }));
    },
    packCipher(salt): PackCipher {
      if (masterKey === undefined) return PLAIN;
      const key = deriveKey(salt, "kvsync pack");
      return {
        encryptor: (block) => openEncryptor(key, block),
        decrypt(block, stored) {
          const frame = decrypt(key, block, stored);
          if (frame === undefined) throw damaged(`block ${block}`, "is not as it was encrypted");
          return frame;
        },
      };
    },
    newSalt: () => randomBytes(SALT_BYTES),
  };
}

function nonceOf(block: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(block, NONCE_BYTES - 4);
  return nonce;
}

const PLAIN: PackCipher = {
  encryptor: () => ({ update: (part) => part, end: () => new Uint8Array() }),
  decrypt: (_, stored) => stored,
};

function openEncryptor(key: KeyObject, block: number): BlockEncryptor {
  const cipher = createCipheriv("aes-256-gcm", key, nonceOf(block));
  return { update: (part) => cipher.update(part), end: () => Buffer.concat([cipher.final(), cipher.getAuthTag()]) };
}

/** An object that is encrypted alone under its key. */
function encrypt(key: KeyObject, frame: Uint8Array): readonly Uint8Array[] {
  const encryptor = openEncryptor(key, 0);
  return [encryptor.update(frame), encryptor.end()];
}

/** Undefined: it is not what was encrypted under this key and number. */
function decrypt(key: KeyObject, block: number, stored: Uint8Array): Buffer | undefined {
  const end = stored.byteLength - TAG_BYTES;
  if (end < 0) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(block), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(stored.subarray(end));
  const plain = decipher.update(stored.subarray(0, end));
  try {
    decipher.final();
  } catch {
    // It has one way to fail: the tag does not fit.
    return undefined;
  }
  return plain;
}
