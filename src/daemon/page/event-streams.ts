// What open pages are told as it happens: the status when something has changed, and each event. A status is computed and written out once for
// all of them. Whoever reads slowly is told the newest status when it has read the last one; whoever does not read is dropped, and gets
// all of it when it asks again.

import type { Clock, DurationMs, EpochMs, MonotonicMs } from "../../core/clock.ts";
import { redact } from "../../core/redact.ts";
import type { DaemonStatus } from "../control/daemon-status.ts";
import type { EventFeed } from "../event-feed.ts";

/** Where a stream is written to: a connection, without what is HTTP about it. */
export interface StreamSink {
  write(chunk: Buffer): void;
  /** Bytes that were written and are not taken yet. */
  buffered(): number;
  /** Calls back each time that all was taken. */
  onDrain(callback: () => void): void;
  onClose(callback: () => void): void;
  close(): void;
}

export interface StreamReader {
  readonly mayChange: boolean;
  /** False: it has lost its leave to read, and is to ask again. */
  mayGoOn(): boolean;
  /** The id of the last event that it has had, if it was here before. */
  readonly lastEventId: string | undefined;
}

export interface EventStreamsDeps {
  readonly clock: Clock;
  readonly status: () => DaemonStatus;
  readonly feed: EventFeed;
  /** Tells this start of the daemon from others, whose events had the same numbers. */
  readonly startedAt: EpochMs;
  readonly onBug: (error: unknown) => void;
}

const STREAMS_MAX = 128;
/** The status is told twice a second at most, and takes at most a twentieth of the process's time. */
const STATUS_GAP_MS: DurationMs = 500;
const COST_FACTOR = 20;
/** What changes without an event (a budget that fills again, a backup that goes on) is told this often. */
const LOOK_MS: DurationMs = 2000;
/** Something is sent this often at least: proxies give up connections that are silent, and the page takes silence for a daemon that hangs. */
const PING_MS: DurationMs = 15_000;
/** A reader that has taken nothing for so long is dropped. */
const STALL_MS_MAX: DurationMs = 30_000;
/** Events that wait for a reader; a whole status may wait besides. */
const BUFFERED_BYTES_MAX = 1_048_576;

interface Stream {
  readonly sink: StreamSink;
  readonly reader: StreamReader;
  /** It has not had the newest status. */
  isBehind: boolean;
  stalledSince: MonotonicMs | undefined;
}

export class EventStreams {
  readonly #deps: EventStreamsDeps;
  readonly #streams = new Set<Stream>();
  readonly #closing = new AbortController();
  #unfollow: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #isChanged = false;
  #isRunning = false;
  #newest: { readonly text: string; readonly frame: Buffer } | undefined;
  #pingedAt: MonotonicMs;

  constructor(deps: EventStreamsDeps) {
    this.#deps = deps;
    this.#pingedAt = deps.clock.monotonic();
  }

  isFull(): boolean {
    return this.#streams.size >= STREAMS_MAX;
  }

  open(sink: StreamSink, reader: StreamReader): void {
    if (this.#closing.signal.aborted) return sink.close();
    const stream: Stream = { sink, reader, isBehind: false, stalledSince: undefined };
    this.#streams.add(stream);
    sink.onClose(() => this.#drop(stream));
    sink.onDrain(() => {
      stream.stalledSince = undefined;
      if (stream.isBehind && this.#streams.has(stream)) this.#writeStatus(stream);
    });
    this.#write(stream, frameOf("session", JSON.stringify({ mayChange: reader.mayChange })));
    this.#writeMissed(stream);
    if (this.#newest === undefined) this.#takeStatus();
    this.#writeStatus(stream);
    this.#start();
    this.changed();
  }

  /** The status may be another one than before. */
  changed(): void {
    this.#isChanged = true;
    this.#wake?.();
  }

  /** Ends those that may not go on, or do not read. */
  review(): void {
    const now = this.#deps.clock.monotonic();
    for (const stream of this.#streams) {
      const hasStalled = stream.stalledSince !== undefined && now - stream.stalledSince >= STALL_MS_MAX;
      if (hasStalled || !stream.reader.mayGoOn()) this.#drop(stream);
    }
    if (now - this.#pingedAt < PING_MS) return;
    this.#pingedAt = now;
    for (const stream of this.#streams) this.#write(stream, PING);
  }

  close(): void {
    this.#closing.abort();
    for (const stream of this.#streams) this.#drop(stream);
  }

  #start(): void {
    this.#unfollow ??= this.#deps.feed.follow((event) => {
      const frame = this.#eventFrame(event);
      for (const stream of this.#streams) this.#write(stream, frame);
      this.changed();
    });
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().catch((error: unknown) => {
      this.#isRunning = false;
      if (!this.#closing.signal.aborted) this.#deps.onBug(error);
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    while (this.#streams.size > 0) {
      const began = clock.monotonic();
      this.#isChanged = false;
      if (this.#takeStatus()) for (const stream of this.#streams) this.#writeStatus(stream);
      this.review();
      const spentMs = clock.monotonic() - began;
      await clock.sleep(Math.max(STATUS_GAP_MS, COST_FACTOR * spentMs), this.#closing.signal);
      if (!this.#isChanged && this.#streams.size > 0) await this.#untilChanged();
    }
    this.#isRunning = false;
  }

  async #untilChanged(): Promise<void> {
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    try {
      await this.#deps.clock.sleep(LOOK_MS, AbortSignal.any([waiting.signal, this.#closing.signal]));
    } catch (error) {
      if (!waiting.signal.aborted) throw error;
    } finally {
      this.#wake = undefined;
    }
  }

  /** True: it is another one than before, but for the time. */
  #takeStatus(): boolean {
    const { now, ...rest } = this.#deps.status();
    const text = redact(JSON.stringify(rest));
    if (text === this.#newest?.text) return false;
    this.#newest = { text, frame: frameOf("status", `{"now":${now},${text.slice(1)}`) };
    return true;
  }

  #writeStatus(stream: Stream): void {
    if (this.#newest === undefined) return;
    stream.isBehind = stream.sink.buffered() > 0;
    if (!stream.isBehind) this.#write(stream, this.#newest.frame);
  }

  /** Events since the last one it has had, as far as they are kept; all that are kept, if that was of an earlier start of the daemon. */
  #writeMissed(stream: Stream): void {
    const match = /^(\d{1,16})-(\d{1,16})$/.exec(stream.reader.lastEventId ?? "");
    if (match === null) return;
    const since = match[1] === String(this.#deps.startedAt) ? Number(match[2]) : 0;
    this.#deps.feed.follow((event) => this.#write(stream, this.#eventFrame(event)), since)();
  }

  #write(stream: Stream, frame: Buffer): void {
    const { sink } = stream;
    const bytesMax = (this.#newest?.frame.byteLength ?? 0) + BUFFERED_BYTES_MAX;
    const waiting = sink.buffered();
    if (waiting > 0 && waiting + frame.byteLength > bytesMax) return this.#drop(stream);
    sink.write(frame);
    if (sink.buffered() > 0) stream.stalledSince ??= this.#deps.clock.monotonic();
  }

  #drop(stream: Stream): void {
    if (!this.#streams.delete(stream)) return;
    stream.sink.close();
    if (this.#streams.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#newest = undefined;
    this.#wake?.();
  }

  #eventFrame(event: { readonly id: number }): Buffer {
    return frameOf("event", redact(JSON.stringify(event)), `${this.#deps.startedAt}-${event.id}`);
  }
}

/** JSON has no line ends in it. */
function frameOf(event: string, json: string, id?: string): Buffer {
  return Buffer.from(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${json}\n\n`);
}

const PING = frameOf("ping", "{}");
