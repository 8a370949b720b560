// Whether the daemon is well: every loop is alive, and no mapping waits for a person or fails. One that a person paused is well, and
// its state says that it is paused. Pure.

/** Of the loops that a process consists of. */
export interface LoopHealth {
  readonly name: string;
  readonly isAlive: boolean;
}

export interface HealthSnapshot {
  readonly loops: readonly LoopHealth[];
  /** Those that mappings use. */
  readonly accounts: readonly AccountHealth[];
  readonly mappings: readonly MappingHealth[];
  readonly backups: readonly BackupHealth[];
  /** Of a process that runs one. */
  readonly migrations?: readonly MigrationHealth[] | undefined;
}

interface MigrationHealth {
  readonly name: string;
  readonly state: string;
  /** What it waits to try again, in lower case, for people; "": nothing. */
  readonly trouble: string;
}

interface BackupHealth {
  readonly name: string;
  /** Why it fails, in lower case, for people; undefined: it does not. */
  readonly trouble: string | undefined;
}

export interface AccountHealth {
  readonly name: string;
  /** Why its API does not answer, in lower case, for people; undefined: it does. */
  readonly trouble: string | undefined;
}

export interface MappingHealth {
  readonly name: string;
  /** As `kvsync status` names it. */
  readonly state: string;
  /** Undefined: it is well. */
  readonly trouble: Trouble | undefined;
}

export interface Trouble {
  /** `problems`: some keys cannot be synced, and the others are. */
  readonly kind: "hold" | "error" | "problems";
  /** In lower case, for people. */
  readonly message: string;
  readonly hint?: string | undefined;
}

/** The body of an answer to GET /health. */
export interface HealthReport {
  readonly status: "ok" | "failing";
  /** What is wrong, a sentence each; empty if nothing is. */
  readonly troubles: readonly string[];
  readonly loops: readonly LoopHealth[];
  readonly accounts: readonly AccountHealth[];
  readonly mappings: readonly MappingHealth[];
  readonly backups: readonly BackupHealth[];
  readonly migrations?: readonly MigrationHealth[] | undefined;
}

export function judgeHealth({ loops, accounts, mappings, backups, migrations }: HealthSnapshot): HealthReport {
  const troubles = [
    ...loops.filter((loop) => !loop.isAlive).map(({ name }) => `the loop "${name}" shows no sign of life`),
    ...accounts.flatMap(({ name, trouble }) =>
      trouble === undefined ? [] : [`account "${name}" does not answer: ${trouble}`],
    ),
    ...mappings.flatMap(({ name, trouble }) => (trouble === undefined ? [] : [renderTrouble(name, trouble)])),
    ...backups.flatMap(({ name, trouble }) => (trouble === undefined ? [] : [`backup "${name}" fails: ${trouble}`])),
    ...(migrations ?? []).flatMap(({ name, trouble }) =>
      trouble === "" ? [] : [`migration "${name}" tries again: ${trouble}`],
    ),
  ];
  return { status: troubles.length === 0 ? "ok" : "failing", troubles, loops, accounts, mappings, backups, migrations };
}

/** Whether the process as such works; only a restart helps if not, which it does not against a hold or a wrong token. */
export function areLoopsAlive(loops: readonly LoopHealth[]): boolean {
  return loops.every((loop) => loop.isAlive);
}

const WORDS: Readonly<Record<Trouble["kind"], string>> = {
  hold: "is on hold",
  error: "fails",
  problems: "leaves keys out",
};

function renderTrouble(mapping: string, { kind, message }: Trouble): string {
  return `mapping "${mapping}" ${WORDS[kind]}: ${message}`;
}
