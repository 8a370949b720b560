// What is to be typed next about a migration, by how it stands: one table, for `kvsync migrate status` and for the end of a run.

import { shellWord } from "../../core/shell-word.ts";
import type { MigrationRecord, MigrationState } from "../../migration/migration-record.ts";

type Standing = Pick<MigrationRecord, "name" | "state" | "follow">;

/** `runs`: a process works on it. Undefined: nothing. A sentence, without its end. */
export function nextStep({ name, state, follow }: Standing, runs: boolean): string | undefined {
  const label = shellWord(name);
  return (runs ? WHILE_IT_RUNS : WHERE_IT_STOPPED)[state]?.(label, follow);
}

type Step = (name: string, follow: boolean) => string;

const CUTOVER: Step = (name) =>
  `stop whoever writes to the source, or deploy the new ids; then type: kvsync migrate cutover ${name}`;
const GO_ON: Step = () => "to go on, type the same command again";
const UNDO: Step = (name) => `to put the destination back as it was, type: kvsync migrate undo ${name}`;

const WHILE_IT_RUNS: Readonly<Partial<Record<MigrationState, Step>>> = { ready: CUTOVER };

const WHERE_IT_STOPPED: Readonly<Partial<Record<MigrationState, Step>>> = {
  copying: GO_ON,
  "catching-up": GO_ON,
  ready: (name, follow) =>
    follow ? `${GO_ON(name, follow)}, with kvsync migrate cutover ${name} before or after it` : GO_ON(name, follow),
  "cutting-over": GO_ON,
  proving: GO_ON,
  done: () => "to carry over what has changed at the source since, type the same command again",
  aborted: UNDO,
};
