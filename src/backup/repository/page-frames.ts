// How a page is stored: relative to a page that it shares most of its bytes with, or whole if it has changed by much. A page that others
// are stored relative to is itself whole, so that no page takes more than one other to be read.

import type { ByteCount } from "../../core/clock.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import { compressFrame } from "../format/frame.ts";
import { idBytes } from "../format/item-id.ts";
import type { ItemId, ItemReader, LoadedIndex } from "./repository.ts";
import type { Reliance } from "./reliance.ts";

export interface PageFrame {
  readonly frame: Uint8Array;
  /** Of the page. */
  readonly size: ByteCount;
  /** The SHA-256 of the page that it is stored relative to. */
  readonly base: string | undefined;
}

export interface PageBase {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Of what it would be whole: later pages are stored relative to a page that changed by more. */
const DELTA_SHARE_MAX = 0.25;
/** zstd takes a dictionary that begins so for one of another kind. */
const FORMATTED_DICTIONARY = 0xec30a437;

interface Deps {
  readonly reliance: Reliance;
  readonly index: LoadedIndex;
  readonly reader: ItemReader;
}

/** `near`: a page that shares most of its bytes with `bytes`. It may itself be stored relative to another one. */
export async function makePageFrame(deps: Deps, bytes: Uint8Array, near: PageBase | undefined): Promise<PageFrame> {
  const whole = await compressFrame(bytes);
  const size = bytes.byteLength;
  const base = near && (await baseFor(deps, near));
  if (base === undefined || !isRaw(base.bytes)) return { frame: whole, size, base: undefined };
  const delta = await compressFrame(bytes, base.bytes);
  const isSmall = delta.byteLength <= whole.byteLength * DELTA_SHARE_MAX;
  return isSmall ? { frame: delta, size, base: base.sha256 } : { frame: whole, size, base: undefined };
}

/** `near`, or what that is stored relative to. It is relied on then. */
async function baseFor({ reliance, index, reader }: Deps, near: PageBase): Promise<PageBase | undefined> {
  const id = idBytes(near.sha256);
  if (reliance.relyWhole(id)) return near;
  const base = reliance.baseOf(id);
  if (base === undefined) return undefined;
  const baseId = Buffer.from(base).toString("base64url") as ItemId;
  // What is in the making cannot be read yet.
  if (index.places(baseId).length === 0 || !reliance.relyWhole(base)) return undefined;
  const bytes = await reader.pageById(baseId);
  return { bytes, sha256: sha256Of(bytes) };
}

function isRaw(dictionary: Uint8Array): boolean {
  const start = Buffer.from(dictionary.subarray(0, 4));
  return start.byteLength === 4 && start.readUInt32LE(0) !== FORMATTED_DICTIONARY;
}
