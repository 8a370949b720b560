// A small file that is read anew when it changes: written in place, replaced by a rename, as editors do, or by a link that moves, as Kubernetes
// does. By looks, four in a second: they see all of these, everywhere, where events of the system miss some.

import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";

/** The disk, as far as it is needed. */
export interface LookedAtFile {
  /** Differs when the file does; also when it is not there. */
  look(): string;
  /** Throws as node:fs does. */
  read(): string;
}

const LOOK_MS = 250;
/** A file that changed is read when it has been the same for this long: it may be written in steps. */
const REST_MS = 100;

export function fileOnDisk(path: string): LookedAtFile {
  return {
    look() {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? "unknown";
      }
    },
    read: () => readFileSync(path, "utf8"),
  };
}

export interface FileWatch {
  /** Reads the file at the next look, whether it has changed or not. */
  readSoon(): void;
}

/** Calls `onChange` when the file is not as `seen` any more, until `signal` is aborted. */
export function watchFile(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  file: LookedAtFile,
  seen: string,
  onChange: () => void,
): FileWatch {
  let known: string | undefined = seen;
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(LOOK_MS, signal);
      let now = file.look();
      if (now === known) continue;
      for (let before; before !== now; now = file.look()) {
        before = now;
        await clock.sleep(REST_MS, signal);
      }
      known = now;
      onChange();
    }
  };
  watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return { readSoon: () => void (known = undefined) };
}
