// What the daemon tells systemd: that it is ready, reloads or stops, one line on what it does, and, for the watchdog, that
// its loops are alive. Nothing at all where systemd did not ask for it (NOTIFY_SOCKET is not set).
//
// The messages are datagrams on a unix socket, which Node cannot send (dgram knows UDP only; net refuses datagram sockets).
// The ways around that, compared:
//
//   systemd-notify, a process a message   there wherever systemd is; waits until systemd has taken the message, so that
//                                         none is lost or misattributed; 12 to 20 ms, of which the fork blocks
//                                         us for 3 (with 150 MB in use 14), once in WatchdogSec/3
//   a helper that stays (socat, python3)  cheaper, but neither is sure to be there, and it can die
//   OpenFile=/run/systemd/notify          a descriptor to write to, no process at all: systemd 253 and newer only, and the
//                                         socket's path is systemd's own business
//   a native addon                        a compiler, or a binary for each platform
//
// The first it is. Messages go one after another, since their order counts; what waits is sent in one where it can be, and
// the status no more often than anyone reads it.

import { execFile, type ExecFileException } from "node:child_process";
import process from "node:process";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import type { Log } from "./log.ts";

export interface SystemdNotifyOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID and PATH are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked before the watchdog is fed. */
  readonly isAlive: () => boolean;
  /** CLOCK_MONOTONIC in microseconds, by which systemd tells one reload from another. */
  readonly monotonicMicros: () => bigint;
}

/** The methods return at once; messages arrive in order, and failures are logged. */
export interface SystemdNotify {
  /** The daemon is up; or a reload is done. From the first time on the watchdog is fed. */
  ready(): void;
  /** A line for `systemctl status`; of several within 10 s the first and the last are shown. */
  status(text: string): void;
  /** To be followed by `ready`. */
  reloading(): void;
  stopping(): void;
  /** Resolves when systemd has taken all messages; the watchdog is fed no more. */
  close(): Promise<void>;
}

const PROGRAM = "systemd-notify";
/** systemd-notify itself gives up after 5 s. */
const SEND_TIMEOUT_MS: DurationMs = 10_000;
/** sd_watchdog_enabled(3) recommends half; a third leaves one message to be lost. */
const FEEDS_PER_WATCHDOG = 3;
/** A process a round of every mapping would be a process too many. */
const STATUS_INTERVAL_MS: DurationMs = 10_000;
const STATUS_CHARS_MAX = 200;

type Message = Readonly<Record<string, string>>;

export function openSystemdNotify(options: SystemdNotifyOptions): SystemdNotify {
  const { clock, env, isAlive, monotonicMicros } = options;
  const socket = env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return SILENT;
  const sender = openSender(options, socket);
  const closing = new AbortController();
  let feeding: Promise<void> | undefined;
  let wanted = "";
  let shown = "";
  let showing: Promise<void> | undefined;

  /** Sleeps, but not beyond closing. */
  async function pause(duration: DurationMs): Promise<void> {
    await clock.sleep(duration, closing.signal).catch((error: unknown) => {
      if (!closing.signal.aborted) throw error;
    });
  }

  async function show(): Promise<void> {
    while (wanted !== shown && !closing.signal.aborted) {
      shown = wanted;
      sender.send({ STATUS: visible(shown).slice(0, STATUS_CHARS_MAX) });
      await pause(STATUS_INTERVAL_MS);
    }
    showing = undefined;
  }

  async function feed(everyMs: DurationMs): Promise<void> {
    let wasAlive = true;
    while (!closing.signal.aborted) {
      const alive = isAlive();
      if (alive) sender.send({ WATCHDOG: "1" });
      else if (wasAlive) options.log.error("a loop shows no sign of life: the watchdog of systemd is not fed");
      wasAlive = alive;
      await pause(everyMs);
    }
  }

  return {
    ready() {
      sender.send({ READY: "1" });
      const watchdogMs = watchdogOf(env);
      if (watchdogMs !== undefined) feeding ??= feed(watchdogMs / FEEDS_PER_WATCHDOG);
    },
    status(text) {
      wanted = text;
      showing ??= show();
    },
    reloading: () => sender.send({ RELOADING: "1", MONOTONIC_USEC: String(monotonicMicros()) }),
    stopping: () => sender.send({ STOPPING: "1" }),
    async close() {
      closing.abort();
      await Promise.all([feeding, showing]);
      await sender.close();
    },
  };
}

const SILENT: SystemdNotify = {
  ready: () => undefined,
  status: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
  close: () => Promise.resolve(),
};

/** How long systemd waits for a sign of life; undefined: it does not, or not from this process. A process between systemd
 * and this one (another Node that started it) counts as this one. */
function watchdogOf(env: SystemdNotifyOptions["env"]): DurationMs | undefined {
  const pid = env["WATCHDOG_PID"];
  if (pid !== undefined && pid !== String(process.pid) && pid !== String(process.ppid)) return undefined;
  const micros = Number(env["WATCHDOG_USEC"]);
  return Number.isFinite(micros) && micros > 0 ? micros / 1000 : undefined;
}

interface Sender {
  send(message: Message): void;
  close(): Promise<void>;
}

/** Variables that change the state of the service: a message with one of them is not merged with the one before it. */
const STATES = ["READY", "RELOADING", "STOPPING"];

function openSender({ log, env }: SystemdNotifyOptions, socket: string): Sender {
  const waiting: Message[] = [];
  let sending: Promise<void> | undefined;
  let wasTold = false;

  async function sendAll(): Promise<void> {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const fault = await sendOne(message, { NOTIFY_SOCKET: socket, PATH: env["PATH"] });
      const isNew = fault !== undefined && !wasTold;
      wasTold = fault !== undefined;
      if (isNew) {
        log.error(`cannot notify systemd: ${fault}`, { hint: "it will take the service for one that does not start" });
      }
    }
    sending = undefined;
  }

  return {
    send(message) {
      const last = waiting.at(-1);
      if (last !== undefined && !STATES.some((name) => name in message)) {
        waiting[waiting.length - 1] = { ...last, ...message };
      } else waiting.push(message);
      sending ??= sendAll();
    },
    close: () => sending ?? Promise.resolve(),
  };
}

/** Resolves when systemd has taken the message, or to what went wrong. */
function sendOne(message: Message, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const args = Object.entries(message).map(([name, value]) => `${name}=${value}`);
  return new Promise((resolve) => {
    try {
      execFile(PROGRAM, args, { env, timeout: SEND_TIMEOUT_MS, killSignal: "SIGKILL" }, (error, _out, stderr) =>
        resolve(error === null ? undefined : describeFault(error, stderr)),
      );
    } catch (error) {
      // Some faults of a start are thrown: no memory for a process, say.
      resolve(describeFault(error as ExecFileException, ""));
    }
  });
}

function describeFault({ code, signal, message }: ExecFileException, stderr: string): string {
  if (code === "ENOENT") return `there is no program ${PROGRAM}`;
  return visible(stderr.trim()) || `${PROGRAM} failed: ${code ?? signal ?? visible(message)}`;
}
