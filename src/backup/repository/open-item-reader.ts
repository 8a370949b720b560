// Values and pages of a repository, read: an item is taken from whichever of its places gives bytes with the right SHA-256. Nothing
// that is read is believed before it was held against that.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { giveBack, OWNED_BYTES_MIN } from "../../core/give-back.ts";
import { fingerprintOf, fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import { openBlock } from "../format/block.ts";
import { damaged } from "../format/damage.ts";
import { MAGIC } from "../format/pack-builder.ts";
import { SALT_BYTES } from "../format/sealer.ts";
import { STORE_CALLS, type CallOptions } from "../store/store.ts";
import { openByteCache } from "./byte-cache.ts";
import { KEPT_PART_BYTES_MAX, openRangeReader } from "./range-reader.ts";
import type { ItemId, ItemReader, LoadedIndex, ObjectId, PackCipher, Place, Repository } from "./repository.ts";

/** What is kept of blocks that were opened, and of pages. A block that its reader may give back is not kept. */
const KEPT_BYTES_MAX: ByteCount = 8_388_608;
const CIPHERS_MAX = STORE_CALLS * 8;

/** Items may be asked for beside each other. */
export function openItemReader(repository: Repository, index: LoadedIndex, options: CallOptions = {}): ItemReader {
  const { store, sealer, isEncrypted } = repository;
  const ranges = openRangeReader(store, options);
  const blocks = openByteCache<Promise<Block>>(KEPT_BYTES_MAX);
  const ciphers = new Map<ObjectId, Promise<PackCipher | undefined>>();

  const cipherOf = ({ pack, packSize }: Place): Promise<PackCipher | undefined> => {
    const known = ciphers.get(pack);
    if (known !== undefined) return known;
    const salt = { pack, at: MAGIC.byteLength, length: SALT_BYTES, packSize };
    const read = isEncrypted ? ranges.get(salt) : Promise.resolve(new Uint8Array(SALT_BYTES));
    const cipher = read.then((bytes) => bytes && sealer.packCipher(bytes));
    cipher.catch(() => ciphers.delete(pack));
    ciphers.set(pack, cipher);
    if (ciphers.size > CIPHERS_MAX) ciphers.delete(ciphers.keys().next().value!);
    return cipher;
  };
  const readBlock = async (place: Place): Promise<Block> => {
    const { pack, packSize, block, at, stored, plain, base } = place;
    const where = `block ${block} of pack ${pack}`;
    if (at + stored > packSize) return { why: `pack ${pack} ends before its block ${block} does` };
    const dictionary = base && (await readBase(base));
    if (dictionary?.why !== undefined) return { why: `${where} needs page ${base}, and ${dictionary.why}` };
    const [cipher, bytes] = await Promise.all([cipherOf(place), ranges.get({ pack, at, length: stored, packSize })]);
    if (cipher === undefined || bytes === undefined) return { why: `pack ${pack} is not there` };
    const opened = await openBlock(bytes, { cipher, block, plain, dictionary: dictionary?.bytes });
    if (stored > KEPT_PART_BYTES_MAX) giveBack(bytes);
    return opened === undefined ? { why: `${where} is not as it was written` } : { bytes: opened };
  };
  const readBlockOrTell = async (place: Place): Promise<Block> => {
    try {
      return await readBlock(place);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
      return { why: error.message };
    }
  };
  const blockOf = (place: Place): Promise<Block> => {
    const name = `${place.pack} ${place.block}`;
    const known = blocks.get(name);
    if (known !== undefined) return known;
    const read = readBlockOrTell(place);
    read.catch(() => blocks.remove(name));
    if (place.plain < OWNED_BYTES_MIN) blocks.put(name, read, place.plain);
    return read;
  };
  const readFrom = async (places: readonly Place[], isRight: (bytes: Uint8Array) => boolean): Promise<Block> => {
    let why = `it is in no pack that the index knows (kvsync repair index ${repository.label} looks into all packs)`;
    for (const place of places) {
      const block = await blockOf(place);
      const bytes = block.bytes && itemOf(block.bytes, place);
      if (bytes !== undefined && isRight(bytes)) return { bytes };
      why = block.why ?? `block ${place.block} of pack ${place.pack} does not hold it`;
    }
    return { why };
  };
  /** A base has no base: so whoever wrote an index that goes round in a circle keeps nobody here. */
  const readBase = (id: ItemId): Promise<Block> => {
    const places = index.places(id).filter(({ base }) => base === undefined);
    return readFrom(places, (bytes) => fingerprintOf(bytes) === id);
  };
  const read = async (id: ItemId, name: string, isRight: (bytes: Uint8Array) => boolean): Promise<Uint8Array> => {
    const { bytes, why } = await readFrom(index.places(id), isRight);
    if (bytes === undefined)
      throw damaged(repository.label, `is damaged: ${name} cannot be read, since ${why}`, {
        repository: repository.label,
      });
    return bytes;
  };
  return {
    value: (sha256, size) =>
      read(
        fingerprintOfSha256(sha256),
        `value ${sha256}`,
        (bytes) => bytes.byteLength === size && sha256Of(bytes) === sha256,
      ),
    valueById: (id) => read(id, `value ${id}`, (bytes) => fingerprintOf(bytes) === id),
    page: (sha256) => read(fingerprintOfSha256(sha256), `page ${sha256}`, (bytes) => sha256Of(bytes) === sha256),
    pageById: (id) => read(id, `page ${id}`, (bytes) => fingerprintOf(bytes) === id),
  };
}

/** The plain bytes of a block or an item, or why there are none. */
type Block =
  | { readonly bytes: Uint8Array; readonly why?: undefined }
  | { readonly bytes?: undefined; readonly why: string };

/** A copy, if the item is only a part of its block: it would keep the whole of that in memory. */
function itemOf(block: Uint8Array, { offset, size }: Place): Uint8Array {
  const bytes = block.subarray(offset, offset + size);
  return size === block.byteLength ? bytes : new Uint8Array(bytes);
}
