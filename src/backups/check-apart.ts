// A folder and the repository of its backups are kept apart: the repository would be part of what it is a backup of, and a restore that
// removes what the snapshot does not have would remove the repository.

import { AppError, visible } from "../core/errors.ts";
import type { OpenLocation } from "../mapping/open-location.ts";
import { pathsInside } from "../replica/tree/paths-inside.ts";

/** Throws AppError "usage". `repository`: where it lies on disk; undefined: it does not. */
export function checkApart({ replica, identity }: OpenLocation, repository: string | undefined): void {
  if (replica.kind !== "tree" || repository === undefined) return;
  const { folder } = identity as { readonly folder: string };
  if (pathsInside(folder, repository).length === 0) return;
  throw new AppError("usage", `the repository ${visible(repository)} lies in the folder ${visible(folder)}`, {
    hint: "keep backups outside of what they are backups of",
  });
}
