// Looks for what another process asks the running migration for: `kvsync migrate cutover` and `kvsync migrate abort`.

import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { MigrationFolder } from "./migration-folder.ts";

export interface RequestWatch {
  /** Aborted when the migration is to end, with the reason. */
  readonly aborted: AbortSignal;
  /** Resolves when the cut-over is asked for. */
  readonly cutover: Promise<void>;
  close(): void;
}

const LOOK_INTERVAL_MS = 500;

export function watchRequests(folder: Pick<MigrationFolder, "request">, clock: Clock): RequestWatch {
  const closing = new AbortController();
  const abort = new AbortController();
  const cutover = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    for (;;) {
      const request = folder.request();
      if (request === "cutover") cutover.resolve();
      if (request === "abort") abort.abort(new AppError("failed", "the migration was aborted, as it was asked to be"));
      await clock.sleep(LOOK_INTERVAL_MS, closing.signal);
    }
  };
  look().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });
  return { aborted: abort.signal, cutover: cutover.promise, close: () => closing.abort() };
}
