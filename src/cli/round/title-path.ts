// A title of a namespace as the name of a file or a folder: one segment, and no two titles the same.

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
