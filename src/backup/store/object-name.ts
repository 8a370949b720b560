// The names of a store's objects: parts of letters, digits, `-` and `.`, joined by `/`. No part begins with a dot, so that no name leads out of a
// folder, and what other programs hide in one (`.nfs...`, `.Trash-1000`) is no object.

import { AppError, visible } from "../../core/errors.ts";

const PART = /^[A-Za-z0-9-][A-Za-z0-9.-]*$/;
/** Of one part: what every file system takes. */
const PART_CHARS_MAX = 128;

export interface ObjectPath {
  /** "" or parts joined by `/`. */
  readonly folder: string;
  readonly file: string;
}

export function isNamePart(part: string): boolean {
  return part.length <= PART_CHARS_MAX && PART.test(part);
}

export function isObjectName(name: string): boolean {
  return name.split("/").every(isNamePart);
}

/** Throws AppError "repository-damaged": names come from objects of the repository, which anybody may have written. */
export function parseObjectName(name: string): ObjectPath {
  if (!isObjectName(name)) {
    throw new AppError(
      "repository-damaged",
      `"${visible(name.slice(0, 200))}" is no name of an object of a repository`,
    );
  }
  const at = name.lastIndexOf("/");
  return { folder: at < 0 ? "" : name.slice(0, at), file: name.slice(at + 1) };
}
