// Whether an archive is believed. All of it is read before any of it is: one that was cut off, edited or damaged, that lacks
// keys, or that goes on behind its end, is refused with the place named, unless it was asked for as it is.

import { countedKeys } from "../../core/guards.ts";
import { visible } from "../../core/errors.ts";
import { refused } from "./refusals.ts";
import { type ArchiveItem, walkArchive, type WalkResult } from "./walk-archive.ts";

/** What is taken though an archive is refused for it. */
export interface ArchiveAllowances {
  /** What is whole of one that was cut off or damaged. */
  readonly salvage: boolean;
  /** One that was changed after it was written. */
  readonly edited: boolean;
  /** One that lacks keys which could not be read when it was written. */
  readonly partial: boolean;
}

export const NO_ALLOWANCES: ArchiveAllowances = { salvage: false, edited: false, partial: false };

export interface CheckedArchive extends WalkResult {
  /** What is told of an archive that is taken as it is, a line each. */
  readonly warnings: readonly string[];
}

const NAMED_MAX = 10;

/** Throws AppError "archive-refused". */
export async function checkArchive(
  path: string,
  name: string,
  allowed: ArchiveAllowances,
  signal?: AbortSignal,
): Promise<CheckedArchive> {
  const shown = visible(name);
  const edited: string[] = [];
  let editedCount = 0;
  const walk = walkArchive(path, name);
  let next = await walk.next();
  for (; next.done !== true; next = await walk.next()) {
    signal?.throwIfAborted();
    const item = next.value;
    if (item.kind === "fault" && !allowed.salvage) {
      await walk.return(undefined as never);
      throw refused(
        `${placeOf(item)} of ${shown} ${visible(item.why)}`,
        `to take the lines that are whole, add --salvage`,
      );
    }
    if (item.kind === "entry" && item.isEdited && ++editedCount <= NAMED_MAX)
      edited.push(`line ${item.line} ("${visible(item.entry.key)}")`);
  }
  const found = next.value;
  const names = `${edited.join(", ")}${editedCount > edited.length ? ` and ${editedCount - edited.length} more` : ""}`;
  const changed = changeOf(found, editedCount === 0 ? undefined : names);
  const warnings: string[] = [];
  const judge = (why: string | undefined, isAllowed: boolean, hint: string): void => {
    if (why === undefined) return;
    if (!isAllowed) throw refused(`${shown} ${why}`, hint);
    warnings.push(`${shown} ${why}`);
  };
  judge(cutOf(found), allowed.salvage, "to take what is whole of it, add --salvage");
  judge(
    found.after === undefined
      ? undefined
      : found.isBlankAfter
        ? `has an empty line behind its end, line ${found.after}`
        : `goes on behind its end, in line ${found.after}`,
    allowed.salvage,
    found.isBlankAfter
      ? "some program has added it: fetch the file again; to take what is before it, add --salvage"
      : "two archives may have been joined: import each by itself; to take the first one, add --salvage",
  );
  judge(
    changed,
    allowed.edited || (allowed.salvage && found.end === undefined),
    `fetch it again${found.hasCarriageReturns ? ", not as text" : " if nobody edited it"}; to take it as it is now, add --edited`,
  );
  judge(
    found.end?.complete === false
      ? `lacks ${countedKeys(found.end.problems)} that could not be read when it was written`
      : undefined,
    allowed.partial,
    "to take what is in it, add --partial",
  );
  return { ...found, warnings };
}

function cutOf({ cut, end, entries }: WalkResult): string | undefined {
  if (end !== undefined) return cut;
  return cut === undefined
    ? `is cut off after ${entries} ${entries === 1 ? "entry" : "entries"}: it has no end line`
    : `${cut}, after ${entries} ${entries === 1 ? "entry" : "entries"}`;
}

/** `lines`: those whose value is not the one that their sha256 is of. */
function changeOf(
  { digest, end, entries, root, hasCarriageReturns }: WalkResult,
  lines: string | undefined,
): string | undefined {
  if (end === undefined)
    return lines === undefined ? undefined : `has values that are not those of their sha256: ${lines}`;
  if (digest !== end.digest)
    return `is not as it was written: its digest differs. ${
      lines === undefined
        ? hasCarriageReturns
          ? "Its lines end as on Windows (CRLF): some program has converted them"
          : "Every value fits its sha256: a key, metadata, an expiration or a line was changed"
        : `Values that do not fit their sha256: ${lines}`
    }`;
  if (lines !== undefined) return `has values that are not those of their sha256: ${lines}`;
  if (entries !== end.entries || root !== end.root) return "has an end line that is not of its entries";
  return undefined;
}

function placeOf({ line, key }: Extract<ArchiveItem, { readonly kind: "fault" }>): string {
  return key === undefined ? `line ${line}` : `line ${line} ("${visible(key)}")`;
}
