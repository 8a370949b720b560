// When a process is killed: at any moment of the time that its command usually takes, or right after one of the changes that are made to the
// stores meanwhile. How long a command takes is learnt from those that run to their end.

import type { ChildProcess } from "node:child_process";
import type { BackupCommand } from "./backup-commands.ts";

interface Condemned {
  readonly command: BackupCommand;
  readonly child: ChildProcess;
}

export interface KillMoments {
  /** Kills `child` at a moment to come, unless it ends before. With SIGINT: it may end in its own way. */
  condemn(condemned: Condemned): "SIGKILL" | "SIGINT";
  /** A change was made to a store. */
  onChange(): void;
  /** It ran to its end, and took so long. */
  noteUsual(command: BackupCommand, ms: number): void;
  /** What part of the usual time `ms` is. */
  shareOf(command: BackupCommand, ms: number): number;
}

const AT_CHANGE_SHARE = 0.5;
const CHANGES_MAX = 12;
const STOPPED_SHARE = 0.08;
/** The newest time counts for so much. */
const LEARNT_SHARE = 0.3;
const UNKNOWN_MS = 1000;

export function openKillMoments(chance: () => number): KillMoments {
  const usualMs = new Map<string, number>();
  const waiting = new Set<() => void>();
  const nameOf = ({ kind, titles, repository }: BackupCommand): string => [kind, ...titles, repository].join(" ");
  const usual = (command: BackupCommand): number => usualMs.get(nameOf(command)) ?? UNKNOWN_MS;
  return {
    condemn({ command, child }) {
      const signal = chance() < STOPPED_SHARE ? "SIGINT" : "SIGKILL";
      const kill = (): void => void child.kill(signal);
      if (chance() < AT_CHANGE_SHARE) {
        let left = 1 + Math.floor(chance() * CHANGES_MAX);
        const onChange = (): void => {
          if (--left > 0) return;
          waiting.delete(onChange);
          kill();
        };
        waiting.add(onChange);
        child.once("exit", () => waiting.delete(onChange));
      } else {
        const timer = setTimeout(kill, chance() * usual(command));
        child.once("exit", () => clearTimeout(timer));
      }
      return signal;
    },
    onChange() {
      for (const each of waiting) each();
    },
    noteUsual(command, ms) {
      const before = usualMs.get(nameOf(command));
      usualMs.set(nameOf(command), before === undefined ? ms : before + (ms - before) * LEARNT_SHARE);
    },
    shareOf: (command, ms) => ms / usual(command),
  };
}
