// What a migration tells while it runs.

import type { DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import type { Problem } from "../core/problem.ts";
import type { Namespace } from "../kv/kv-api.ts";
import type { CopyCounts, MigrationState, NamespaceRecord } from "./migration-record.ts";
import type { MigrationPlan } from "./preflight/migration-plan.ts";

export interface MigrationEvents {
  /** What would be done, and what was found to stand in its way: once, before the first write. */
  readonly onPlanned: (plan: MigrationPlan) => void;
  readonly onState: (state: MigrationState) => void;
  readonly onKept: (title: string, file: string, keys: number) => void;
  readonly onCreated: (namespace: Namespace) => void;
  /** A pass over this namespace is over. */
  readonly onPassed: (
    namespace: NamespaceRecord,
    pass: {
      readonly isFirst: boolean;
      readonly changed: number;
      /** Of this pass alone; those of the namespace are of all passes. */
      readonly counts: CopyCounts;
    },
  ) => void;
  readonly onProblem: (title: string, problem: Problem) => void;
  /** What failed as a whole is tried again. */
  readonly onRetry: (title: string, error: AppError, waitMs: DurationMs) => void;
  readonly onProgress: (progress: MigrationProgress) => void;
}

export interface MigrationProgress {
  readonly phase: "listing" | "copying" | "proving";
  readonly namespaces: number;
  readonly namespacesDone: number;
  readonly keys: number;
  readonly keysTotal: number | undefined;
  readonly bytes: number;
}
