// Rules: metadata and times to live that a mapping gives to keys by their names, where no sidecar gives any.

import type { Entry } from "./entry.ts";
import type { Key } from "./key.ts";

export interface Rule {
  readonly matches: (key: Key) => boolean;
  /** At least 60. */
  readonly ttlSeconds: number | undefined;
  /** Canonical JSON text. */
  readonly metadata: string | undefined;
}

interface RuleAttributes {
  readonly ttlSeconds: number | undefined;
  readonly metadata: string | undefined;
}

/** For each attribute the last matching rule that sets it decides, as in gitignore. */
function ruleAttributes(rules: readonly Rule[], key: Key): RuleAttributes {
  let ttlSeconds: number | undefined;
  let metadata: string | undefined;
  for (const rule of rules) {
    if ((rule.ttlSeconds === undefined && rule.metadata === undefined) || !rule.matches(key)) continue;
    ttlSeconds = rule.ttlSeconds ?? ttlSeconds;
    metadata = rule.metadata ?? metadata;
  }
  return { ttlSeconds, metadata };
}

/** `entry` with what the rules add to it: its own metadata and expiration come first. */
export function applyRules(rules: readonly Rule[], entry: Entry): Entry {
  const { ttlSeconds, metadata } = ruleAttributes(rules, entry.key);
  const addsTtl = ttlSeconds !== undefined && entry.expiration === undefined;
  const addsMetadata = metadata !== undefined && entry.metadata === undefined;
  if (!addsTtl && !addsMetadata) return entry;
  return { ...entry, ttlSeconds: addsTtl ? ttlSeconds : entry.ttlSeconds, metadata: entry.metadata ?? metadata };
}

/** `entry` without what the rules would add again: what is left belongs in a sidecar. */
export function withoutRules(rules: readonly Rule[], entry: Entry): Entry {
  const { ttlSeconds, metadata } = ruleAttributes(rules, entry.key);
  const dropsExpiration = ttlSeconds !== undefined && entry.expiration !== undefined;
  const dropsMetadata = metadata !== undefined && entry.metadata === metadata;
  if (!dropsExpiration && !dropsMetadata) return entry;
  return {
    ...entry,
    expiration: dropsExpiration ? undefined : entry.expiration,
    metadata: dropsMetadata ? undefined : entry.metadata,
  };
}

/** `entry` of the folder that a pull writes to. A time to live says nothing about what is in a folder: it is left out. */
export function asPulled(rules: readonly Rule[], entry: Entry): Entry {
  return { ...applyRules(rules, entry), ttlSeconds: entry.ttlSeconds };
}

/** `entry` of the namespace that a pull reads, as the folder shows it once it is there: whatever the rules give or leave out
 * is no difference, for no pull could end it. */
export function toPull(rules: readonly Rule[], entry: Entry): Entry {
  return asPulled(rules, withoutRules(rules, entry));
}
