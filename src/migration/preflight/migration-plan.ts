// What a migration would do, before its first write: each namespace with what was seen of it, what stands in the way, and what it takes.

import type { AccountConfig } from "../../config/config.ts";
import type { PlannedPass } from "../copy/copy-namespace.ts";
import type { NamespaceRecord } from "../migration-record.ts";
import { type Budget, type Estimate, estimateMigration } from "./estimate.ts";
import { type Finding, judgePreflight, type PlannedFacts } from "./judge-preflight.ts";

export interface PlannedNamespace {
  readonly record: NamespaceRecord;
  readonly pass: PlannedPass;
  /** Keys that cannot be carried, and why the first of them cannot. */
  readonly badKeys: number;
  readonly badKey: string | undefined;
}

export interface MigrationPlan {
  readonly namespaces: readonly PlannedNamespace[];
  readonly findings: readonly Finding[];
  readonly estimate: Estimate;
}

export interface PlanFacts {
  readonly mayWrite: boolean;
  readonly source: AccountConfig;
  readonly destination: AccountConfig;
  /** Both are one account. */
  readonly isSameAccount: boolean;
  readonly proofShare: number;
}

export function planMigration(namespaces: readonly PlannedNamespace[], facts: PlanFacts): MigrationPlan {
  const { mayWrite, source, destination, proofShare } = facts;
  const estimate = estimateMigration(
    namespaces.map(({ pass }) => ({
      sourceKeys: pass.source.keys,
      destinationKeys: pass.destination.keys,
      replaced: pass.others,
      writes: pass.writes,
      bytes: pass.bytes,
    })),
    { proofShare, source: budgetOf(source), destination: budgetOf(destination) },
  );
  const findings = judgePreflight({
    mayWrite,
    destinationAccount: destination.name,
    namespaces: namespaces.map((one) => factsOf(one, facts)),
    freePlanDays: estimate.freePlanDays,
  });
  return { namespaces, findings, estimate };
}

function budgetOf({ budget }: AccountConfig): Budget {
  const { requests, windowMs, share } = budget;
  return { requests: requests * share, windowMs };
}

function factsOf(
  { record, pass, badKeys, badKey }: PlannedNamespace,
  { destination, isSameAccount }: PlanFacts,
): PlannedFacts {
  const { source, isNew } = record;
  return {
    title: source.title,
    source,
    destination: isNew ? undefined : record.destination,
    isSame: isSameAccount && record.destination.id === source.id,
    destinationLabel: `${destination.name}:${record.destination.title}`,
    seen: pass,
    others: pass.others,
    extra: pass.extra,
    writes: pass.writes,
    badKeys,
    badKey,
  };
}
