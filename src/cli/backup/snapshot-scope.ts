// What a snapshot or an archive tells of: keys that its filter left out, and keys that an incomplete one lacks, are not known to be
// absent [I3].

import { AppError, visible } from "../../core/errors.ts";
import { compileFilter } from "../../core/filter.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { IsManaged } from "../../replica/with-filter.ts";
import { checkApart } from "../../backups/check-apart.ts";

/** The keys that a location is about; undefined: all. Throws AppError "repository-refused" for a filter that this version does not
 * know: what it leaves out cannot be told. */
export function scopeOf({ filter, replica }: OpenLocation): IsManaged | undefined {
  if (filter === null) return undefined;
  const unknownFilter = (): AppError =>
    new AppError(
      "repository-refused",
      `the filter of ${visible(replica.label)} is not of a form that this version knows`,
      {
        hint: "use a newer kvsync",
      },
    );
  const {
    prefix = "",
    include = [],
    exclude = [],
    excludeDefaults = false,
    ...others
  } = isJsonObject(filter) ? filter : { unknown: filter };
  const isKnown = typeof prefix === "string" && typeof excludeDefaults === "boolean";
  if (!isKnown || !isTexts(include) || !isTexts(exclude) || Object.keys(others).length > 0) throw unknownFilter();
  const passes = compileFilter({ include: include.length > 0 ? include : undefined, exclude, excludeDefaults });
  return (key) => key.startsWith(prefix) && passes(key);
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Throws AppError "usage" if nothing is to be removed from `destination` for what `source` does not have. */
export function checkTellsRemovals({ snapshot: opened, replica }: OpenLocation, destination: OpenLocation): void {
  if (opened === undefined) return;
  checkApart(destination, opened.repositoryFolder);
  if (opened.snapshot.complete) return;
  throw new AppError("usage", `--delete does not go with ${visible(replica.label)}, which is not complete`, {
    hint: "it does not tell which keys to remove: leave out --delete, or take a complete snapshot",
  });
}
