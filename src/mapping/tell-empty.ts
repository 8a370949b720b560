// What is said of a source of which no key is taken: it has none, or a filter lets none of them through.

import { visible } from "../core/errors.ts";
import type { OpenLocation } from "./open-location.ts";

/** `isFiltered`: only some of its keys were asked for. It may have others, which nobody has looked at. */
export async function tellEmpty(
  { replica, whenEmpty }: Pick<OpenLocation, "replica" | "whenEmpty">,
  isFiltered: boolean,
): Promise<{ readonly message: string; readonly hint: string }> {
  const label = visible(replica.label);
  if (!isFiltered) return { message: `the source ${label} is empty`, hint: await whenEmpty() };
  return {
    message: `no key of the source ${label} passes the filter`,
    hint: "check the prefix and the patterns: --prefix, --include and --exclude, or those of the config",
  };
}
