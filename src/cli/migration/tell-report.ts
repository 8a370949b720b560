// A report on the terminal: the verdict, and the keys that are not equal. All of it is in the files.

import { count } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { FINDING_CLASSES } from "../../migration/proof/classify-key.ts";
import { CLASS_WORDS } from "../../migration/report/class-words.ts";
import { describeFinding } from "../../migration/report/describe-finding.ts";
import type { MigrationReport } from "../../migration/report/migration-report.ts";
import { verdictSentence } from "../../migration/report/render-report.ts";
import { type ReportFiles } from "../../migration/report/write-report.ts";
import type { Context } from "../context.ts";

/** Of each class; the report has them all. */
const SHOWN_MAX = 10;

/** `files`: where the report is; undefined: it was not written. With --json an event for each namespace and key. */
export function tellReport(context: Context, report: MigrationReport, files: ReportFiles | undefined): void {
  const { output } = context;
  const { verdict, totals, namespaces, name } = report;
  for (const { source, destination, proof } of namespaces) {
    if (proof === null) continue;
    const { findings, ...facts } = proof;
    const place = { namespace: source.title, from: source.id, to: destination.id };
    for (const finding of findings) output.event({ type: "difference", ...place, ...finding });
    output.event({ type: "proof", ...place, ...facts });
  }
  output.event({ type: "report", migration: name, verdict, ...totals, files: files ?? null });
  if (!output.json) tellKeys(context, report);
  const sentence = verdictSentence(report);
  output.line(`${visible(name)}: ${verdict === "equal" ? sentence : output.stdout.yellow(sentence)}`);
  if (files !== undefined)
    output.note(`  the report is ${visible(files.markdown)}; for programs, ${visible(files.json)}`);
  if (verdict === "incomplete" || verdict === "changed-since")
    context.keepFailure(new AppError("incomplete", sentence.charAt(0).toLowerCase() + sentence.slice(1)));
}

function tellKeys({ output }: Context, { namespaces, totals }: MigrationReport): void {
  for (const as of FINDING_CLASSES) {
    const total = totals.counts[as];
    if (total === 0) continue;
    output.line(`${CLASS_WORDS[as].title}: ${count(total)}`);
    const lines = namespaces.flatMap(({ source, proof }) =>
      (proof?.findings ?? [])
        .filter((finding) => finding.class === as)
        .map(
          (finding) =>
            `  ${namespaces.length > 1 ? `${visible(source.title)}: ` : ""}${visible(finding.key)}: ${visible(describeFinding(finding, visible))}`,
        ),
    );
    for (const line of lines.slice(0, SHOWN_MAX)) output.line(line);
    if (total > SHOWN_MAX) output.line(`  and ${count(total - SHOWN_MAX)} more`);
  }
}
