// A report as two files, side by side: NAME.json for programs and for `kvsync migrate verify`, NAME.md for people. Each has its name only
// once it is whole.

import { ioError } from "../../config/read-file.ts";
import { visible } from "../../core/errors.ts";
import { writeWhole } from "../write-whole.ts";
import { encodeReport, type MigrationReport } from "./migration-report.ts";
import { renderReport } from "./render-report.ts";

export interface ReportFiles {
  readonly json: string;
  readonly markdown: string;
}

/** `path`: with or without .json or .md at its end. */
export function reportFiles(path: string): ReportFiles {
  const stem = path.replace(/\.(?:json|md)$/, "");
  return { json: `${stem}.json`, markdown: `${stem}.md` };
}

/** Throws AppError "io". */
export function writeReport({ json, markdown }: ReportFiles, report: MigrationReport): void {
  writeOne(json, encodeReport(report));
  writeOne(markdown, renderReport(report));
}

function writeOne(path: string, text: string): void {
  try {
    writeWhole(path, text);
  } catch (error) {
    throw ioError(error, `could not write the report to ${visible(path)}`);
  }
}
