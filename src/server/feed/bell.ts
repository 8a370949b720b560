// What one loop sleeps on, and any number of causes wake it by.

export interface Bell {
  ring(): void;
  /** Resolves when it has rung since this was called last. */
  heard(): Promise<void>;
}

export function openBell(): Bell {
  let isRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      isRung = true;
      wake?.();
    },
    async heard() {
      if (!isRung) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      isRung = false;
    },
  };
}
