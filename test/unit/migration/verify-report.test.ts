import { expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import { systemClock } from "../../../src/core/system-clock.ts";
import type { MigrationReport, ReportedNamespace } from "../../../src/migration/report/migration-report.ts";
import { type VerifyDeps, verifyReport } from "../../../src/migration/report/verify-report.ts";
import type { ReadableReplica } from "../../../src/replica/replica.ts";

const namespaceOf = (title: string, destinationId: string, failure: string | null): ReportedNamespace => ({
  source: { id: "a", title },
  destination: { id: destinationId, title },
  isNew: false,
  keysBefore: 0,
  copied: null,
  proof: null,
  failure,
});

const reportOf = (namespaces: readonly ReportedNamespace[]): MigrationReport =>
  ({ namespaces }) as unknown as MigrationReport;

const depsWith = (openSides: VerifyDeps["openSides"]): VerifyDeps => ({
  clock: systemClock,
  signal: new AbortController().signal,
  settleWindowMs: 0,
  by: "test",
  requests: () => ({ source: {}, destination: {} }) as never,
  openSides,
});

it("a comparison that fails ends the others, and throws once they have ended", async () => {
  let isClosed = false;
  const endless = {
    async *list({ signal }: { readonly signal: AbortSignal }) {
      yield [];
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      // Its end takes longer than the failure of the other one.
      await systemClock.sleep(1, new AbortController().signal);
      throw new Error("was ended");
    },
  } as unknown as ReadableReplica;
  const deps = depsWith(({ source: { title } }) =>
    title === "broken"
      ? Promise.reject(new AppError("network", "is out of reach"))
      : Promise.resolve({
          source: endless,
          destination: endless,
          excludedBecause: () => undefined,
          close: async () => void (isClosed = true),
        }),
  );
  const report = reportOf([namespaceOf("endless", "b", null), namespaceOf("broken", "c", null)]);
  await expect(verifyReport(deps, report)).rejects.toThrow("is out of reach");
  expect(isClosed).toBe(true);
});
