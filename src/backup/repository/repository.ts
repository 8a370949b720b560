// A repository, as the rest of backup/ knows it: values and pages under their ids in packs, an index that tells where, snapshots, and marks. The format
// is docs/repository-format.md.
//
// Nothing here is held in memory a value or a key: an index that was loaded lies in a scratch database.

import type { ByteCount, EpochMs, EpochSeconds } from "../../core/clock.ts";
import type { Fingerprint } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { Store } from "../store/store.ts";

/** The name of an object behind its folder, and the SHA-256 of its bytes as stored: 64 hexadecimal digits. */
export type ObjectId = string & { readonly objectId?: never };
/** The first 128 bits of the SHA-256 of a value's, or of a page's, plain bytes. */
export type ItemId = Fingerprint;

export interface Repository {
  readonly id: string;
  readonly label: string;
  readonly store: Store;
  readonly isEncrypted: boolean;
  readonly created: string;
  /** What index and snapshot objects are sealed with, and blocks of packs encrypted. */
  readonly sealer: Sealer;
}

export interface Sealer {
  seal(kind: "index" | "snapshot", plain: Uint8Array): Promise<Uint8Array>;
  /** Undefined: it is not as it was written. */
  open(kind: "index" | "snapshot", stored: Uint8Array): Promise<Uint8Array | undefined>;
  /** For one pack: of its `salt`, as it is in the pack. */
  packCipher(salt: Uint8Array): PackCipher;
  /** A salt for a new pack: random, whether or not anything is encrypted, so that no two packs have one name. */
  newSalt(): Uint8Array;
}

export interface PackCipher {
  /** For one block, whose frame comes in parts. */
  encryptor(block: number): BlockEncryptor;
  /** Throws AppError "repository-damaged". */
  decrypt(block: number, stored: Uint8Array): Uint8Array;
}

export interface BlockEncryptor {
  update(part: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** Where an item lies. */
export interface Place {
  readonly pack: ObjectId;
  /** Of the whole pack, as the store tells. */
  readonly packSize: ByteCount;
  /** The number of the block in the pack, which the cipher needs. */
  readonly block: number;
  readonly at: ByteCount;
  readonly stored: ByteCount;
  /** Of the item in the block's plain bytes. */
  readonly offset: ByteCount;
  readonly size: ByteCount;
  /** Of all items of the block: its plain bytes. */
  readonly plain: ByteCount;
  /** The page whose bytes are the dictionary of this one. */
  readonly base: ItemId | undefined;
}

export interface PackFacts {
  readonly pack: ObjectId;
  readonly size: ByteCount;
  /** By the store's clock. */
  readonly modified: EpochMs;
}

/** All index objects, read into a scratch database, held against the packs and marks that are there. */
export interface LoadedIndex {
  /** The places of an item, in packs that are there; those of packs that are not marked first. */
  places(id: ItemId): readonly Place[];
  /** Whether an item is in a pack that is not marked nor cut, and its base too: such alone may be relied on in a new snapshot. */
  isReliable(id: ItemId): boolean;
  packs(): Iterable<
    PackFacts & {
      readonly isMarked: boolean;
      readonly isIndexed: boolean;
      /** It is not as long as the index says. */
      readonly isCut: boolean;
    }
  >;
  itemsOf(pack: ObjectId): Iterable<{ readonly id: ItemId; readonly kind: "value" | "page"; readonly place: Place }>;
  readonly problems: readonly IndexProblem[];
  readonly objects: readonly IndexObject[];
  close(): void;
}

export interface IndexProblem {
  /** "pack-gone": it names a pack that is not there, and is none the worse for it; "object-gone": it was listed, and removed before it could
   * be read. */
  readonly kind: "damaged" | "pack-gone" | "object-gone";
  readonly object: ObjectId;
  readonly pack: ObjectId | undefined;
  readonly message: string;
}

export interface IndexObject {
  readonly id: ObjectId;
  readonly size: ByteCount;
  readonly modified: EpochMs;
  /** That it names, whether they are there or not. */
  readonly packs: readonly ObjectId[];
}

/** Reads values and pages. A block that was read last is kept: items are best asked for in the order they lie in. */
export interface ItemReader {
  /** Tries each place. Throws AppError "repository-damaged" if none gives bytes whose SHA-256 is `sha256`. */
  value(sha256: string, size: ByteCount): Promise<Uint8Array>;
  /** Of a value of which only the fingerprint is known. */
  valueById(id: ItemId): Promise<Uint8Array>;
  page(sha256: string): Promise<Uint8Array>;
  pageById(id: ItemId): Promise<Uint8Array>;
}

/** Stores what the index does not have. Packs go to the store as they fill, and the index of what was stored from time to
 * time, so that a run that breaks off has not stored in vain. */
export interface ItemWriter {
  /** Resolves when more may follow. `sha256`: of `bytes`, 64 hexadecimal digits. */
  putValue(bytes: Uint8Array, sha256: string): Promise<void>;
  /** `base`: a page whose bytes this one is likely to share. */
  putPage(
    bytes: Uint8Array,
    sha256: string,
    base: { readonly sha256: string; readonly bytes: Uint8Array } | undefined,
  ): Promise<void>;
  /** Says that a snapshot to come relies on an item that is stored already. False: it is in no pack that may be relied on. */
  rely(id: ItemId): boolean;
  /** The item was found to be damaged wherever it lies, or is not stored as it has to be: nothing relies on it until it is put once more, and it
   * is stored anew then. */
  distrust(id: ItemId): void;
  /** All that was put or relied on is durable, indexed, and in packs that are there and have no mark, as of now. A snapshot is written right
   * after this. Throws AppError "repository-refused", retryable, if what was relied on is gone, or was last looked after too long ago. */
  finish(): Promise<void>;
  /** What has been stored up to now, in bytes as stored. */
  readonly stored: { readonly bytes: ByteCount; readonly values: number; readonly packs: number };
  close(): Promise<void>;
}

export interface PageEntry {
  readonly key: Key;
  readonly sha256: string;
  readonly size: ByteCount;
  readonly binary: boolean;
  readonly expiration: EpochSeconds | undefined;
  /** Canonical JSON text, without a stamp. */
  readonly metadata: string | undefined;
}

export interface SnapshotSource {
  readonly account: string | null;
  readonly accountId: string | null;
  readonly namespace: string | null;
  readonly title: string | null;
  readonly prefix: string;
  readonly jurisdiction: string | null;
  readonly mode: string | null;
  readonly label: string;
}

export interface Snapshot {
  readonly created: string;
  readonly by: string;
  readonly tags: readonly string[];
  readonly source: SnapshotSource;
  readonly filter: unknown;
  readonly listed: readonly [string, string | undefined];
  readonly complete: boolean;
  readonly problems: number;
  readonly entries: number;
  readonly bytes: ByteCount;
  /** The content root. */
  readonly root: string;
  readonly parent: ObjectId | null;
  readonly pages: readonly { readonly id: string; readonly entries: number }[];
}

export interface StoredSnapshot extends Snapshot {
  readonly id: ObjectId;
}
