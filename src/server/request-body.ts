// The body of one request: read into memory, or handed on as it arrives, or dropped; each up to what the gateway lets through. A client is not
// read from faster than what it sends is dealt with.

import type { IncomingMessage } from "node:http";
import type { ByteCount } from "../core/clock.ts";
import { gatewayPage } from "./answer.ts";
import { ClientGone, unlessGone } from "./client-gone.ts";
import type { Share } from "./memory-room.ts";
import { Refusal } from "./refusal.ts";
import { type ServerMemory, SMALL_BYTES_MAX } from "./server-memory.ts";

/** 100 MB at the gateway; read as binary, since which of the two it is is unknown and clients stay below both. */
const BODY_BYTES_MAX = 100 * 1024 * 1024;

/** Whatever reads it rejects with {@link ClientGone}, and with a Refusal as soon as it is larger than the gateway allows. */
export interface RequestBody {
  /** 0: there is none. Undefined: its length is known when it has ended. */
  readonly announced: ByteCount | undefined;
  /** All of it, in memory, where it takes room until `close`. */
  whole(): Promise<Buffer>;
  /** What has not been read of it yet, as it arrives. It may be left before its end, and gone on with. */
  chunks(): AsyncIterable<Buffer>;
  /** Reads the rest of it and drops that. False: it is larger than the gateway allows, and has not been waited for. */
  drained(): Promise<boolean>;
  /** Of what was read, a copy, if one is kept. */
  kept(): Buffer | undefined;
  close(): void;
}

/** `keeps`: whether a copy is kept of all that is read. */
export function openBody(request: IncomingMessage, memory: ServerMemory, keeps: boolean): RequestBody {
  const announced = announcedBytes(request);
  const copy: Buffer[] | undefined = keeps ? [] : undefined;
  let length = 0;
  let share: Share | undefined;
  let arriving: AsyncIterator<Buffer> | undefined;
  let state: "arriving" | "ended" | "too-large" = announced === 0 ? "ended" : "arriving";
  if (announced !== undefined && announced > BODY_BYTES_MAX) state = "too-large";

  async function next(): Promise<IteratorResult<Buffer, undefined>> {
    if (state === "too-large") throw tooLarge();
    if (state === "ended") return { done: true, value: undefined };
    arriving ??= request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    const step = await nextOf(arriving);
    if (step.done === true) {
      state = "ended";
      return { done: true, value: undefined };
    }
    length += step.value.length;
    if (length <= BODY_BYTES_MAX) {
      copy?.push(step.value);
      return step;
    }
    state = "too-large";
    void dropRest(arriving); // it can be told so while it still sends
    throw tooLarge();
  }

  /** All of it, if it has come with the head, as most do: an iterator over it would cost a tenth of a write. */
  function arrivedWhole(): Buffer | undefined {
    if (state !== "arriving" || arriving !== undefined || request.readableLength !== announced) return undefined;
    const bytes = request.read() as Buffer;
    state = "ended";
    length = bytes.length;
    copy?.push(bytes);
    return bytes;
  }

  return {
    announced,
    async whole() {
      share = (announced !== undefined && announced <= SMALL_BYTES_MAX ? memory.small : memory.large).enter();
      const arrived = arrivedWhole();
      if (arrived !== undefined) {
        const waits = share.take(arrived.length);
        if (waits !== undefined) await unlessGone(request.socket, waits);
        return arrived;
      }
      const bytes = announced === undefined || state === "too-large" ? ofAnyLength() : ofLength(announced);
      for (let step = await next(); step.done !== true; step = await next()) {
        bytes.add(step.value);
        const waits = share.take(step.value.length);
        if (waits !== undefined) await unlessGone(request.socket, waits);
      }
      return bytes.joined();
    },
    chunks: () => ({ [Symbol.asyncIterator]: () => ({ next }) }),
    async drained() {
      try {
        while (state === "arriving") await next();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
      return state === "ended";
    },
    kept: () => copy && Buffer.concat(copy),
    close: () => share?.leave(),
  };
}

const tooLarge = (): Refusal => new Refusal(gatewayPage(413, "Request Entity Too Large"));

function announcedBytes({ headers }: IncomingMessage): ByteCount | undefined {
  const length = headers["content-length"];
  if (length !== undefined) return Number(length);
  return headers["transfer-encoding"] === undefined ? 0 : undefined;
}

async function nextOf(arriving: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  try {
    return await arriving.next();
  } catch (cause) {
    throw new ClientGone(undefined, { cause });
  }
}

/** Until the client has sent all of it, or is gone. */
async function dropRest(arriving: AsyncIterator<Buffer>): Promise<void> {
  try {
    while ((await arriving.next()).done !== true);
  } catch {
    // It has its answer, or wants none.
  }
}

interface Bytes {
  add(chunk: Buffer): void;
  joined(): Buffer;
}

/** Straight into one buffer: a body of 100 MB is not held twice. What has not arrived of it takes no memory yet. */
function ofLength(length: ByteCount): Bytes {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  return { add: (chunk) => void (filled += chunk.copy(bytes, filled)), joined: () => bytes };
}

function ofAnyLength(): Bytes {
  const chunks: Buffer[] = [];
  return { add: (chunk) => void chunks.push(chunk), joined: () => Buffer.concat(chunks) };
}
