// The status without what only flickers: a mapping that looks for a moment, and finds nothing, stands as it did. With many mappings there is always
// one that looks.

import type { DaemonStatus } from "./contract.ts";

const MOMENT_MS = 1500;

/** `before`: as it was shown. */
export function calm(before: DaemonStatus | undefined, told: DaemonStatus): DaemonStatus {
  if (before === undefined) return told;
  const shown = new Map(before.mappings.map((mapping) => [mapping.mapping, mapping]));
  return {
    ...told,
    mappings: told.mappings.map((mapping) => {
      const { state, working } = mapping;
      if (working === null || told.now - working.startedAt > MOMENT_MS) return mapping;
      const last = shown.get(mapping.mapping);
      const isNews = state !== "working" || last === undefined || last.hold !== null || last.error !== null;
      return isNews
        ? { ...mapping, working: null }
        : { ...mapping, state: last.state, since: last.since, working: null };
    }),
  };
}
