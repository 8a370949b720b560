// What a snapshot or an archive tells of: keys that its filter left out, and keys that an incomplete one lacks, are not known to be
// absent [I3].

import { AppError, visible } from "../../core/errors.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { IsManaged } from "../../replica/with-filter.ts";
import { checkApart } from "../../backups/check-apart.ts";
import { compileFilterRecord, parseFilterRecord } from "../../backups/filter-record.ts";

/** The keys that a location is about; undefined: all. Throws AppError "repository-refused" for a filter that this version does not
 * know: what it leaves out cannot be told. */
export function scopeOf({ filter, replica }: OpenLocation): IsManaged | undefined {
  return filter === null ? undefined : compileFilterRecord(parseFilterRecord(filter, replica.label));
}

/** `takesKeys`: the command has options that name keys. Throws AppError "usage" if nothing is to be removed from `destination` for what `source` does not have. */
export function checkTellsRemovals(
  { snapshot: opened, replica, filter }: OpenLocation,
  destination: OpenLocation,
  { isWhole, takesKeys }: { readonly isWhole: boolean; readonly takesKeys: boolean },
): void {
  if (!isWhole && filter !== null && parseFilterRecord(filter, replica.label).mayLackKeys) {
    throw new AppError(
      "usage",
      `--delete does not go with ${visible(replica.label)} alone, which does not tell what to remove`,
      {
        hint: `a .json does not say which keys it was made of, nor does what is made of one: ${takesKeys ? "name them by --prefix, --include or --exclude, or " : ""}add --whole if it has all keys of its place`,
      },
    );
  }
  if (opened === undefined) return;
  checkApart(destination, opened.repositoryFolder);
  if (opened.snapshot.complete) return;
  throw new AppError("usage", `--delete does not go with ${visible(replica.label)}, which is not complete`, {
    hint: "it does not tell which keys to remove: leave out --delete, or take a complete snapshot",
  });
}
