// The files of an export that is split: x-1.json, x-2.json and so on. Each is written beside its name until all are whole. Then
// the last one gets its name first: where x-1.json is, all others are. None of such a name may be there before, since of an
// earlier export with more parts the last ones would stay, and be taken for parts of this one.

import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import { findParts, partName } from "../../replica/archive/pairs/pair-files.ts";
import { type ExportFile, openExportFile } from "./export-file.ts";

export interface ExportParts extends ExportFile {
  /** What is written from now on goes into the next file. */
  next(): void;
  count(): number;
}

/** `path`: x.json. Throws as node:fs does, and AppError "usage". */
export function openExportParts(path: string, name: string): ExportParts {
  checkFree(path, name);
  const parts: ExportFile[] = [openExportFile(partName(path, 1))];
  return {
    write: (bytes) => parts.at(-1)!.write(bytes),
    next: () => void parts.push(openExportFile(partName(path, parts.length + 1))),
    count: () => parts.length,
    replaces: false,
    isReplaced: true,
    partPath: parts[0]!.partPath,
    commit() {
      checkFree(path, name);
      for (const part of parts.toReversed()) part.commit();
      // Of an earlier one that was not complete, and had more parts.
      for (let left = parts.length + 1; existsSync(`${partName(path, left)}.part`); left++)
        rmSync(`${partName(path, left)}.part`);
    },
    keepPart() {
      for (const part of parts) part.keepPart();
    },
    close() {
      for (const part of parts) part.close();
    },
  };
}

function checkFree(path: string, name: string): void {
  const [first] = existsSync(dirname(path)) ? findParts(path) : [];
  const found = existsSync(path) ? name : first === undefined ? undefined : partName(name, first);
  if (found === undefined) return;
  throw new AppError("usage", `${visible(found)} is there, and would be taken for a part of this export`, {
    hint: "name another file, or remove that one and the others of an earlier export first",
  });
}
