// What the daemon tells of itself as it happens. The browser connects again by itself when a connection breaks; where it gives up, and
// where a connection is dead without having ended (a laptop that slept), this begins anew.

import { after, daemonNow, every, setDaemonTime } from "./clock.ts";
import { ask, AskError } from "./ask.ts";
import type { DaemonStatus } from "./contract.ts";

export type Connection =
  | "connecting"
  | "live"
  /** What is shown is as it was when the connection broke. */
  | "reconnecting"
  /** Reading needs a login here. */
  | "closed-out";

/** Something that happened, as `kvsync events` tells it. */
export interface ToldEvent {
  readonly event: string;
  readonly mapping?: string;
  readonly backup?: string;
  /** Of a round. */
  readonly written?: number;
  readonly removed?: number;
  readonly conflicts?: number;
  /** Of a failure: how many there were in a row before it. */
  readonly repeats?: number;
}

export interface LiveListener {
  onStatus(status: DaemonStatus): void;
  onEvent(event: ToldEvent): void;
  onSession(mayChange: boolean): void;
  onConnection(connection: Connection): void;
}

const RETRY_MS = 3000;
/** One that is out of sight for so long is not told any more. */
const HIDDEN_MS = 10_000;
/** A machine that slept for so long connects anew. */
const CHECK_MS = 20_000;
/** The daemon says something every 15 seconds: one that is silent for so long hangs, or the connection is dead. */
const SILENCE_MS = 40_000;

export function openLive(listener: LiveListener): void {
  let source: EventSource | undefined;
  let callOffSilence: (() => void) | undefined;

  function heard(): void {
    callOffSilence?.();
    callOffSilence = after(SILENCE_MS, () => {
      if (source === undefined) return;
      listener.onConnection("reconnecting");
      open();
    });
  }

  function open(): void {
    source?.close();
    const opened = new EventSource("/events");
    source = opened;
    heard();
    for (const type of ["session", "status", "event", "ping"]) opened.addEventListener(type, heard);
    opened.addEventListener("session", ({ data }: MessageEvent<string>) => {
      listener.onConnection("live");
      listener.onSession((JSON.parse(data) as { mayChange: boolean }).mayChange);
    });
    opened.addEventListener("status", ({ data }: MessageEvent<string>) => {
      const status = JSON.parse(data) as DaemonStatus;
      setDaemonTime(status.now);
      listener.onStatus(status);
    });
    opened.addEventListener("event", ({ data }: MessageEvent<string>) =>
      listener.onEvent(JSON.parse(data) as ToldEvent),
    );
    opened.addEventListener("error", () => {
      if (source !== opened) return;
      listener.onConnection("reconnecting");
      // Else the browser tries by itself.
      if (opened.readyState === EventSource.CLOSED) void beginAnew();
    });
  }

  function close(): void {
    source?.close();
    source = undefined;
    callOffSilence?.();
    listener.onConnection("reconnecting");
  }

  async function beginAnew(): Promise<void> {
    try {
      await ask("status", {});
    } catch (error) {
      if (error instanceof AskError && error.code === "login") {
        listener.onConnection("closed-out");
        return;
      }
    }
    after(RETRY_MS, () => source !== undefined && open());
  }

  // A browser has six connections to a host, for all of its tabs: one that is out of sight gives its own back.
  let callOff: (() => void) | undefined;
  document.addEventListener("visibilitychange", () => {
    callOff?.();
    callOff = undefined;
    if (document.hidden) callOff = after(HIDDEN_MS, close);
    else if (source === undefined) open();
  });
  // Timers stand still while a machine sleeps.
  let seenAt = daemonNow();
  every(CHECK_MS / 4, () => {
    const now = daemonNow();
    if (now - seenAt > CHECK_MS && source !== undefined) open();
    seenAt = now;
  });
  open();
}
