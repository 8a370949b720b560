// SIGINT and SIGTERM: the first asks the command to stop where nothing is lost, the second ends the process at once.
// A closed stdout (`| head`) asks the same, as SIGPIPE does elsewhere, and so does one that has failed.

import process from "node:process";
import { AppError } from "../../core/errors.ts";
import { exitCodeOfSignal, type StopSignal } from "../exit-code.ts";

export interface StopSignals {
  /** Aborted, with an AppError "interrupted", by the first signal. */
  readonly signal: AbortSignal;
  /** Which it was. */
  readonly received: () => StopSignal | undefined;
  stop(by: StopSignal): void;
  /** Asks the command to stop since `failure` keeps it from its work; the signal is aborted with it. */
  fail(failure: AppError): void;
  /** With which it was asked to. */
  readonly failure: () => AppError | undefined;
  close(): void;
}

/** Whether `signal` was aborted by Ctrl-C or a SIGTERM: how commands that go on until they are stopped end well. */
export function isAskedToEnd({ reason }: AbortSignal): boolean {
  return reason instanceof AppError && /^stopped by SIG(INT|TERM)$/.test(reason.message);
}

/** One Ctrl-C may arrive several times: from the terminal, from npm, and from the Node that started this one. */
const SAME_SIGNAL_MS = 1000;

/** `onStop` is told once, when there is something to wait for. */
export function openStopSignals(onStop: (by: StopSignal) => void): StopSignals {
  const controller = new AbortController();
  let received: StopSignal | undefined;
  let failure: AppError | undefined;
  let isEcho = false;
  const stop = (by: StopSignal): void => {
    if (isEcho) return;
    if (received !== undefined) {
      // A reader that goes away while the command ends anyway changes nothing.
      if (by === "SIGPIPE") return;
      process.exit(exitCodeOfSignal(by));
    }
    received = by;
    isEcho = true;
    setTimeout(() => (isEcho = false), SAME_SIGNAL_MS).unref();
    onStop(by);
    controller.abort(new AppError("interrupted", `stopped by ${by}`));
  };
  const onInterrupt = (): void => stop("SIGINT");
  const onTerminate = (): void => stop("SIGTERM");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    signal: controller.signal,
    received: () => received,
    stop,
    fail: (error) => {
      failure ??= error;
      controller.abort(failure);
    },
    failure: () => failure,
    close: () => {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}
