// Server-sent events, from the bytes of an answer that does not end: lines, and of each block of lines its event. It holds no more
// than the event that is coming in.
//
// By hand: undici's EventSource sends no headers of ours, bounds neither a line nor an event, connects again by itself without a look
// at Retry-After, and tells nothing of comments, by which a silent connection is known to live.

import { TextDecoder } from "node:util";
import type { ByteCount } from "../../core/clock.ts";

export interface ServerEvent {
  /** "message" unless the server says. */
  readonly name: string;
  readonly data: string;
  /** Undefined: it has none of its own. */
  readonly id: string | undefined;
}

/** What comes is no stream of events, or one of those that no server has a reason to send. */
export class EventStreamError extends Error {}

/** 1,000 keys of 512 bytes, each of which JSON may write as six characters, come to 3 MB. */
export const EVENT_BYTES_MAX: ByteCount = 4_000_000;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;

/** Takes the bytes as they come. Returns the events that these complete. Throws EventStreamError. */
export function openEventParser(bytesMax: ByteCount = EVENT_BYTES_MAX): (chunk: Uint8Array) => readonly ServerEvent[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  /** Of the line that has begun. */
  let parts: Uint8Array[] = [];
  /** Of the event that has begun, with the line. */
  let bytes = 0;
  let fields = noFields();

  function take(part: Uint8Array): void {
    bytes += part.byteLength;
    if (bytes > bytesMax) throw new EventStreamError(`an event has over ${bytesMax} bytes`);
    if (part.byteLength > 0) parts.push(part);
  }

  /** The event that an empty line ends; undefined: it goes on, or there was none. */
  function endLine(): ServerEvent | undefined {
    const line = lineOf(parts);
    parts = [];
    if (line.byteLength > 0) {
      if (line[0] === COLON) bytes -= line.byteLength;
      else readField(textOf(line, decoder), fields);
      return undefined;
    }
    const { name, data, id } = fields;
    fields = noFields();
    bytes = 0;
    return data.length === 0 ? undefined : { name, data: data.join("\n"), id };
  }

  return (chunk) => {
    const events: ServerEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      take(chunk.subarray(start, end));
      start = end + 1;
      const event = endLine();
      if (event !== undefined) events.push(event);
    }
    // A copy: what it is a view of is somebody else's memory.
    take(Uint8Array.from(chunk.subarray(start)));
    return events;
  };
}

interface Fields {
  name: string;
  data: string[];
  id: string | undefined;
}

function noFields(): Fields {
  return { name: "message", data: [], id: undefined };
}

function lineOf(parts: readonly Uint8Array[]): Uint8Array {
  const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

function textOf(line: Uint8Array, decoder: TextDecoder): string {
  try {
    return decoder.decode(line);
  } catch (cause) {
    throw new EventStreamError("a line is not UTF-8", { cause });
  }
}

/** What the fields of other names say is nothing to us: also `retry`, since when to come back is for us to choose. */
function readField(line: string, fields: Fields): void {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
  if (name === "event") fields.name = value;
  if (name === "data") fields.data.push(value);
  if (name === "id") fields.id = value;
}
