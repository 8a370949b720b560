// The comparison at the end of a run of kvsync migrate, and where its report goes.

import { join, resolve } from "node:path";
import type { OpenAccount } from "../../accounts/accounts.ts";
import type { MigrationFolder } from "../../migration/migration-folder.ts";
import { countBoth, proveMigration } from "../../migration/prove-migration.ts";
import type { RunDeps } from "../../migration/run-migration.ts";
import type { MigrationReport } from "../../migration/report/migration-report.ts";
import { type ReportFiles, reportFiles } from "../../migration/report/write-report.ts";
import type { Context } from "../context.ts";
import { VERSION } from "../process/version.ts";
import { exitCodeOfVerdict } from "./exit-code-of-verdict.ts";

export interface ProofStepOptions {
  readonly source: OpenAccount;
  readonly destination: OpenAccount;
  readonly folder: Pick<MigrationFolder, "path">;
  /** As it was typed; undefined: in the migration's folder. */
  readonly report: string | undefined;
}

export interface ProofStep {
  readonly prove: NonNullable<RunDeps["prove"]>;
  /** Undefined: the run has not come so far. */
  report(): MigrationReport | undefined;
  readonly files: ReportFiles;
}

/** Requests are counted from now on. */
export function openProofStep({ cwd }: Context, { source, destination, folder, report }: ProofStepOptions): ProofStep {
  const files = reportFiles(report === undefined ? join(folder.path, "report") : resolve(cwd, report));
  const requests = countBoth(source.api, destination.api);
  let written: MigrationReport | undefined;
  return {
    files,
    report: () => written,
    prove: async (deps, store, outcome) => {
      const { report: made, failures } = await proveMigration(
        { ...deps, by: `kvsync ${VERSION}`, files, requests, exitCodeOf: exitCodeOfVerdict },
        store,
        outcome,
      );
      written = made;
      return { failures };
    },
  };
}
