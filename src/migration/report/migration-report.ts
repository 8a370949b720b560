// The report of a migration, as data: what was moved, what was not, and why to trust that. It is JSON, of the form that
// docs/migration-report.md describes, and says enough by itself to do the comparison again (verify-report.ts).

import type { ByteCount } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { isJsonObject, parseJson } from "../../core/json.ts";
import type { RequestCounts } from "../../kv/kv-api.ts";
import { FINDING_CLASSES, type FindingClass } from "../proof/classify-key.ts";
import { FINDINGS_PER_CLASS_MAX } from "../proof/findings.ts";
import { type Finding, type NamespaceProof, PROOF_VERDICTS, type ProofVerdict } from "../proof/proof.ts";

/** An account, for good: `account` is what the config calls it. */
interface AccountFacts {
  readonly account: string;
  readonly accountId: string;
  /** The API's address, or "embedded". */
  readonly api: string;
}

export interface ReportedNamespace {
  readonly source: NamespaceName;
  readonly destination: NamespaceName;
  /** The migration has created the namespace at the destination. */
  readonly isNew: boolean;
  /** Keys that the destination held before the first write. */
  readonly keysBefore: number;
  /** What the copy did; null: nothing is known of a copy. */
  readonly copied: CopiedCounts | null;
  /** Null: it was not compared. */
  readonly proof: NamespaceProof | null;
  /** Why it was not copied or compared to the end; null: it was. */
  readonly failure: string | null;
}

interface NamespaceName {
  /** Empty: at the destination, there is none that the migration made or was to fill. */
  readonly id: string;
  readonly title: string;
}

export interface CopiedCounts {
  /** Keys that were written to the destination, removed from it, equal already, and those that failed. */
  readonly written: number;
  readonly removed: number;
  readonly unchanged: number;
  readonly failed: number;
}

interface ReportedFilter {
  readonly prefix: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** What a report is made of. */
export interface ReportFacts {
  /** `kvsync 0.1.0` */
  readonly by: string;
  /** Of the migration. */
  readonly name: string;
  /** "migrate": a copy came before the comparison. "verify": it is done again from an earlier report. */
  readonly command: "migrate" | "verify";
  readonly source: AccountFacts;
  readonly destination: AccountFacts;
  /** When the migration began, and when the report was written, as ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** How often the migration was started: it goes on after an interruption. */
  readonly runs: number;
  /** `OLD=NEW`, of what keys begin with. */
  readonly rename: readonly string[];
  readonly filter: ReportedFilter;
  /** The source was followed until a cut-over. */
  readonly follow: boolean;
  readonly namespaces: readonly ReportedNamespace[];
  /** Of the last run, copy and comparison together. */
  readonly requests: { readonly source: RequestCounts; readonly destination: RequestCounts };
  /** In US dollars, at the prices of a paid plan; null: not known. */
  readonly cost: number | null;
}

export interface MigrationReport extends ReportFacts {
  readonly kvsync: "migration-report";
  readonly version: 1;
  readonly verdict: ProofVerdict;
  /** Of the command that wrote it. */
  readonly exitCode: number;
  readonly totals: {
    readonly keys: { readonly source: number; readonly destination: number };
    /** Of the values of keys that are equal. */
    readonly bytes: ByteCount;
    readonly counts: Readonly<Record<"equal" | FindingClass, number>>;
  };
}

/** `exitCodeOf`: what the command ends with. */
export function buildReport(facts: ReportFacts, exitCodeOf: (verdict: ProofVerdict) => number): MigrationReport {
  const verdict = verdictOfAll(facts.namespaces);
  return {
    kvsync: "migration-report",
    version: 1,
    verdict,
    exitCode: exitCodeOf(verdict),
    totals: totalsOf(facts.namespaces),
    ...facts,
    namespaces: capFindings(facts.namespaces),
  };
}

/** The worst of all namespaces; one that was not compared is incomplete. */
function verdictOfAll(namespaces: readonly ReportedNamespace[]): ProofVerdict {
  const verdicts = new Set(
    namespaces.map(({ proof, failure }) => (proof === null || failure !== null ? "incomplete" : proof.verdict)),
  );
  return PROOF_VERDICTS.findLast((verdict) => verdicts.has(verdict)) ?? "equal";
}

function totalsOf(namespaces: readonly ReportedNamespace[]): MigrationReport["totals"] {
  const proofs = namespaces.flatMap(({ proof }) => (proof === null ? [] : [proof]));
  const sum = (of: (proof: NamespaceProof) => number): number => proofs.reduce((total, proof) => total + of(proof), 0);
  const counts = (["equal", ...FINDING_CLASSES] as const).map((name) => [name, sum((proof) => proof.counts[name])]);
  return {
    keys: { source: sum(({ keys }) => keys.source), destination: sum(({ keys }) => keys.destination) },
    bytes: sum(({ bytes }) => bytes),
    counts: Object.fromEntries(counts) as MigrationReport["totals"]["counts"],
  };
}

/** A thousand keys of each class in all: a report of many namespaces is to be read by people, too. */
function capFindings(namespaces: readonly ReportedNamespace[]): readonly ReportedNamespace[] {
  const kept = new Map<FindingClass, number>();
  const isKept = ({ class: as }: Finding): boolean => {
    const count = kept.get(as) ?? 0;
    kept.set(as, count + 1);
    return count < FINDINGS_PER_CLASS_MAX;
  };
  return namespaces.map((namespace) => {
    const { proof } = namespace;
    return proof === null ? namespace : { ...namespace, proof: { ...proof, findings: proof.findings.filter(isKept) } };
  });
}

export function encodeReport(report: MigrationReport): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** `label`: the file, for people. Throws AppError "usage" if it is no report, or one of a newer version. */
export function parseReport(text: string, label: string): MigrationReport {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw noReport(label, "it is no JSON");
  }
  const report = parsed as Partial<MigrationReport>;
  if (!isJsonObject(parsed as never) || report.kvsync !== "migration-report")
    throw noReport(label, 'it has no "kvsync": "migration-report"');
  if (report.version !== 1) throw noReport(label, "it is of a version that this kvsync does not know");
  if (!isWhole(report)) throw noReport(label, "parts of it are missing");
  return report;
}

/** Whether it has what the comparison is done again with. */
function isWhole(report: Partial<MigrationReport>): report is MigrationReport {
  const { source, destination, namespaces, filter, rename, name } = report;
  return (
    typeof name === "string" &&
    isAccount(source) &&
    isAccount(destination) &&
    Array.isArray(rename) &&
    typeof filter?.prefix === "string" &&
    Array.isArray(filter.include) &&
    Array.isArray(filter.exclude) &&
    Array.isArray(namespaces) &&
    namespaces.every(isNamespace)
  );
}

function isAccount(facts: Partial<AccountFacts> | undefined): boolean {
  return typeof facts?.accountId === "string" && typeof facts.api === "string" && typeof facts.account === "string";
}

function isNamespace({ source, destination, proof }: Partial<ReportedNamespace>): boolean {
  return isName(source) && isName(destination) && (proof === null || Array.isArray(proof?.findings));
}

function isName(name: Partial<NamespaceName> | undefined): boolean {
  return typeof name?.id === "string" && typeof name.title === "string";
}

function noReport(label: string, why: string): AppError {
  return new AppError("usage", `${visible(label)} is no report of a migration: ${why}`, {
    hint: "name the file that ends in .json, as kvsync migrate wrote it",
  });
}
