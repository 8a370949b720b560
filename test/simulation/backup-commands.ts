// The commands that a simulation runs on two repositories, several at once, as chance has it; and what may come of one that runs to its end.

/** Of a repository that a copy makes. */
export const PASSPHRASE = "seven brave badgers";
export const TITLES = ["app", "web"] as const;

export interface BackupCommand {
  readonly kind: "backup" | "forget" | "prune" | "copy" | "repair";
  /** Where it writes. */
  readonly repository: string;
  readonly args: readonly string[];
  /** Namespaces that a backup is of. */
  readonly titles: readonly string[];
  /** Of a copy. */
  readonly from: string | undefined;
  /** Of a forget. */
  readonly keepLast: number | undefined;
}

const NONE = { titles: [], from: undefined, keepLast: undefined } as const;

export function backupOf(...titles: readonly string[]): BackupCommand {
  const args = ["backup", ...titles.map((title) => `dev:${title}`), "main", "--no-encryption", "--json"];
  return { ...NONE, kind: "backup", repository: "main", titles, args };
}

export function forgetIn(repository: string, keepLast: number, ...more: readonly string[]): BackupCommand {
  const args = ["forget", repository, "--keep-last", String(keepLast), ...more, "--json"];
  return { ...NONE, kind: "forget", repository, keepLast, args };
}

export function pruneOf(repository: string): BackupCommand {
  return { ...NONE, kind: "prune", repository, args: ["prune", repository, "--json"] };
}

export function repairOf(repository: string): BackupCommand {
  return { ...NONE, kind: "repair", repository, args: ["repair", "index", repository, "--json"] };
}

export function copyOf(from: string, repository: string): BackupCommand {
  // Only the one that is not encrypted is made without a passphrase.
  const plain = repository.startsWith("fresh") ? ["--no-encryption"] : [];
  return { ...NONE, kind: "copy", repository, from, args: ["copy", from, repository, ...plain, "--json"] };
}

const ALONE_SHARE = 0.4;

/** What runs at once: often two backups and a prune, else anything. `hasCopy`: the second repository is there. */
export function pickCommands(chance: () => number, hasCopy: boolean): readonly BackupCommand[] {
  const below = (count: number): number => Math.floor(chance() * count);
  const title = (): string => TITLES[below(TITLES.length)]!;
  const either = (): string => (hasCopy && chance() < 0.4 ? "copy" : "main");
  const any = (): BackupCommand => {
    const number = below(10);
    if (number < 2) return backupOf(title());
    if (number < 3) return backupOf(...TITLES);
    if (number < 5) return forgetIn(either(), 1 + below(3), ...(chance() < 0.3 ? ["--prune"] : []));
    if (number < 7) return pruneOf(either());
    if (number < 9) return hasCopy && chance() < 0.3 ? copyOf("copy", "main") : copyOf("main", "copy");
    return repairOf(either());
  };
  if (chance() < ALONE_SHARE) return [backupOf(title()), backupOf(title()), pruneOf("main")];
  return Array.from({ length: 2 + below(3) }, any);
}

export interface EndedCommand {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly records: readonly Record<string, unknown>[];
  /** All that it said. */
  readonly text: string;
}

interface Refusal {
  readonly pattern: RegExp;
  /** Also where listings do not lag. */
  readonly always: boolean;
}

/** What a run may give up with, since others were at work meanwhile, or listings did not show it yet what was there. */
const REFUSALS: readonly Refusal[] = [
  { pattern: /prune removes nothing, since it could not copy what snapshots need/, always: true },
  { pattern: /prune removes nothing, since .* in no pack/, always: false },
  { pattern: /prune removes nothing, since nobody can tell what a snapshot needs: .* did not give it/, always: false },
  // It sees the snapshot, and not yet its index.
  { pattern: /of dev:.* cannot be read, since it is in no pack[^]*could not be copied/, always: false },
  // Told of snapshots which are forgotten already.
  {
    pattern:
      /shows snapshots\S+ and did not give it: it may have been forgotten[^]*(?:could not be copied|cannot be read, and (?:was|were) left alone)/,
    always: false,
  },
  { pattern: /what this run relies on was removed from .* meanwhile/, always: true },
];

/** How a run that ended with an error gave up; undefined: it may not. */
export function refusalOf({ text }: EndedCommand, isLagging: boolean): string | undefined {
  return REFUSALS.find(({ pattern, always }) => (always || isLagging) && pattern.test(text))?.pattern.source;
}
