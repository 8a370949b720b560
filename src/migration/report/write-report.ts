// A report as two files, side by side: NAME.json for programs and for `kvsync migrate verify`, NAME.md for people. Each has its name only
// once it is whole.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { ioError } from "../../config/read-file.ts";
import { visible } from "../../core/errors.ts";
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
  writeWhole(json, encodeReport(report));
  writeWhole(markdown, renderReport(report));
}

function writeWhole(path: string, text: string): void {
  const part = `${path}.part`;
  try {
    const file = openSync(part, "w");
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.byteLength;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw ioError(error, `could not write the report to ${visible(path)}`);
  }
}
