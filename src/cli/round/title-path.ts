// A title of a namespace as the name of a file or a folder: one segment, and no two titles the same.

import { statSync } from "node:fs";
import { join } from "node:path";
import { AppError, visible } from "../../core/errors.ts";

/** What file systems allow, less what follows the name while a file is written. */
const NAME_BYTES_MAX = 255 - ".part".length;

/** Throws AppError "location-invalid" for a title that is too long for a name. */
export function fileNameOfTitle(title: string, extension = ""): string {
  // "." and ".." are places, and a name with a dot first is hidden: neither is what a title means.
  const escaped = title.replaceAll(/[%/\0]/g, encodeURIComponent).replace(/^\./, "%2E");
  const name = `${escaped}${extension}`;
  if (escaped !== "" && Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  throw new AppError("location-invalid", `the title "${visible(title.slice(0, 80))}" cannot be the name of a file`, {
    hint: "name this namespace by itself, and a place for it",
  });
}

/** The title that {@link fileNameOfTitle} made `name` of. */
export function titleOfFileName(name: string): string {
  return name.replaceAll(/%(?:25|2F|00|2E)/gi, decodeURIComponent);
}

/** The names of several titles in `folder`, an absolute path. Where a disk takes two of them for one (`App` and `app`), the second is
 * refused with AppError "location-invalid": it would take the place of the first. To be asked when the ones before were written. */
export function openTitleNames(folder: string, extension = ""): (title: string) => string {
  const before = new Map<string, string[]>();
  return (title) => {
    const name = fileNameOfTitle(title, extension);
    const folded = name.normalize("NFC").toLowerCase();
    const alike = before.get(folded) ?? [];
    const same = alike.find((other) => isSameFile(join(folder, other), join(folder, name)));
    if (same !== undefined) {
      throw new AppError("location-invalid", `the disk takes its name, ${visible(name)}, for ${visible(same)}`, {
        hint: "name this namespace by itself, and another place for it",
      });
    }
    before.set(folded, [...alike, name]);
    return name;
  };
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
